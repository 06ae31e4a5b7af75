"""CSV and TSV files: every column as text, so that an answer "42" stays an answer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import IO

import pyarrow as pa
import pyarrow.csv as pa_csv

from dpojob_trainer.inspection.errors import unreadable

from .chunk import Chunk

BLOCK_BYTES = 8 << 20
LARGEST_BLOCK = 256 << 20


def read_csv(
    name: str, stream: IO[bytes], columns: Sequence[str] | None, delimiter: str
) -> Iterator[Chunk]:
    """Quoted fields may hold line ends; the first line names the columns."""
    with stream:
        data = stream if isinstance(stream, pa.NativeFile) else pa.PythonFile(stream, mode="r")
        try:
            probe = data.read(1 << 20)
            names = _header(probe, delimiter)
        except (UnicodeDecodeError, IndexError):
            raise unreadable(f"{name} has no readable header line in UTF-8") from None
        joined = pa.PythonFile(_Joined(probe, data), mode="r")
        text = pa.string()
        reader = pa_csv.open_csv(
            joined,
            read_options=pa_csv.ReadOptions(block_size=BLOCK_BYTES, use_threads=True),
            parse_options=pa_csv.ParseOptions(delimiter=delimiter, newlines_in_values=True),
            convert_options=pa_csv.ConvertOptions(
                column_types=dict.fromkeys(names, text),
                strings_can_be_null=False,
                include_columns=None
                if columns is None
                else [c for c in columns if c in names] or names[:1],
            ),
        )
        for batch in reader:
            yield Chunk(names, batch=batch)


def _header(probe: bytes, delimiter: str) -> list[str]:
    import csv

    line = probe.removeprefix(b"\xef\xbb\xbf").decode("utf-8", errors="ignore")
    return next(iter(csv.reader(line.splitlines(keepends=True), delimiter=delimiter)))


class _Joined:
    """The bytes already read, then the rest of the stream."""

    closed = False

    def __init__(self, head: bytes, rest: pa.NativeFile) -> None:
        self._head, self._rest = head, rest

    def read(self, size: int = -1) -> bytes:
        if self._head:
            if size < 0:
                taken, self._head = self._head, b""
                return taken + bytes(self._rest.read())
            taken, self._head = self._head[:size], self._head[size:]
            return taken
        return bytes(self._rest.read(size if size >= 0 else None))

    def readable(self) -> bool:
        return True

    def close(self) -> None:
        self._rest.close()
