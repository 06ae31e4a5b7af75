"""CSV and TSV files: every column as text, so that an answer "42" stays an answer."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence

import pyarrow as pa
import pyarrow.csv as pa_csv

from dpojob_trainer.inspection.errors import unreadable

from .chunk import Chunk
from .lines import BOM, Bytes

BLOCK_BYTES = 8 << 20
LARGEST_BLOCK = 256 << 20
"""For files with a row that fits no smaller block."""
PROBED = 1 << 20
"""Bytes in which the header line must end."""


def read_csv(
    name: str, stream: Bytes, columns: Sequence[str] | None, delimiter: str
) -> Iterator[Chunk]:
    """Quoted fields may hold line ends; the first line names the columns."""
    probe = stream.read(PROBED)
    names = _header(name, probe, delimiter)
    wanted = names if columns is None else [c for c in columns if c in names] or names[:1]
    reader = pa_csv.open_csv(
        pa.PythonFile(_Joined(probe, stream), mode="r"),
        read_options=pa_csv.ReadOptions(block_size=BLOCK_BYTES, use_threads=True),
        parse_options=pa_csv.ParseOptions(delimiter=delimiter, newlines_in_values=True),
        convert_options=pa_csv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.string()),
            strings_can_be_null=False,
            include_columns=wanted,
        ),
    )
    for batch in reader:
        yield Chunk(names, batch=batch, consumed=stream.position)


def _header(name: str, probe: bytes, delimiter: str) -> list[str]:
    text = probe.removeprefix(BOM).decode("utf-8", errors="ignore")
    try:
        names = next(csv.reader(text.splitlines(keepends=True), delimiter=delimiter), [])
    except csv.Error:
        names = []
    if not any(names):
        raise unreadable(f"{name} has no header line that names its columns")
    return names


class _Joined:
    """The bytes already read, then the rest of the stream."""

    closed = False

    def __init__(self, head: bytes, rest: Bytes) -> None:
        self._head, self._rest = head, rest

    def read(self, size: int) -> bytes:
        taken, self._head = self._head[:size], self._head[size:]
        return taken or self._rest.read(size)

    def readable(self) -> bool:
        return True

    def close(self) -> None:
        """The stream is its opener's to close."""
