"""CSV and TSV files: every column as text, so that an answer "42" stays an answer.

pyarrow reads them in blocks. From the first row that fits no block on, and where the quotes are not
plainly in order, Python's strict reader does, which also names the line at fault.
"""

from __future__ import annotations

import csv
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import pyarrow as pa
import pyarrow.csv as pa_csv

from dpojob_trainer.shared.errors import refuse_twins, unreadable
from dpojob_trainer.shared.row_batch import Chunk

from .compressed_file import Stored
from .csv_quotes import Quotes
from .json_rows import not_utf8, objects
from .jsonl import BOM, LARGEST_ROW, Bytes

BLOCK_BYTES = 8 << 20
PROBED = 1 << 20
"""Bytes in which the header line must end."""
OTHER_DELIMITERS = (";", "\t")
"""Tried where a header line names one column only, as spreadsheets write them."""
CHUNK_BYTES = 4 << 20
"""Rows read one by one make a chunk of about so many."""

Opened = Callable[[], Stored]


class Header(NamedTuple):
    """What the first line says."""

    names: list[str]
    delimiter: str


class _Doubtful(Exception):
    """pyarrow may have read something else than is there."""


def read_csv(
    name: str, opened: Opened, columns: Sequence[str] | None, delimiter: str
) -> Iterator[Chunk]:
    """Quoted fields may hold line ends; the first line names the columns.

    Raises InspectionError naming the line at fault.
    """
    done = 0
    try:
        for chunk in _in_blocks(name, opened, columns, delimiter):
            done += len(chunk)
            yield chunk
    except (_Doubtful, pa.ArrowInvalid):
        yield from _by_hand(name, opened, delimiter, done)


def _in_blocks(
    name: str, opened: Opened, columns: Sequence[str] | None, delimiter: str
) -> Iterator[Chunk]:
    with opened() as stream:
        probe = stream.read(PROBED).removeprefix(BOM)
        names, delimiter = _header(name, probe, delimiter)
        wanted = names if columns is None else [c for c in columns if c in names] or names[:1]
        with _Joined(probe, stream, Quotes(delimiter)) as joined:
            reader = pa_csv.open_csv(
                pa.PythonFile(joined, mode="r"),
                read_options=pa_csv.ReadOptions(block_size=BLOCK_BYTES, use_threads=True),
                parse_options=pa_csv.ParseOptions(delimiter=delimiter, newlines_in_values=True),
                convert_options=pa_csv.ConvertOptions(
                    column_types=dict.fromkeys(names, pa.string()),
                    strings_can_be_null=False,
                    include_columns=wanted,
                ),
            )
            for number, batch in enumerate(reader, 1):
                # A batch is a block; pyarrow has read some blocks further.
                share = min(1.0, number * BLOCK_BYTES / max(1, joined.given))
                yield Chunk(names, batch=batch, consumed=int(share * stream.position))
            if not joined.quotes.plain():
                raise _Doubtful


def _header(name: str, probe: bytes, delimiter: str) -> Header:
    lines = probe.decode("utf-8", errors="ignore").splitlines(keepends=True)
    try:
        names = next(csv.reader(lines, delimiter=delimiter), [])
        for other in OTHER_DELIMITERS:
            if len(names) == 1 and other in names[0]:
                names, delimiter = next(csv.reader(lines, delimiter=other)), other
    except csv.Error:
        names = []
    if not any(names):
        raise unreadable(f"{name} has no header line that names its columns")
    refuse_twins(name, names)
    return Header(names, delimiter)


def _by_hand(name: str, opened: Opened, delimiter: str, skipped: int) -> Iterator[Chunk]:
    """The rows after the `skipped` first, read strictly; those are read too, for faults."""
    with opened() as stream:
        probe = stream.read(PROBED).removeprefix(BOM)
        names, delimiter = _header(name, probe, delimiter)
    csv.field_size_limit(LARGEST_ROW)
    with opened() as stream:
        reader = csv.reader(_lines(name, stream), delimiter=delimiter, strict=True)
        rows: list[dict[str, str]] = []
        size = -skipped
        held = 0
        try:
            next(reader)
            for fields in reader:
                if not fields:
                    continue
                if len(fields) != len(names):
                    raise unreadable(
                        f"{name}, line {reader.line_num}: {len(fields)} fields where the header line "
                        f"has {len(names)}; a field that holds {delimiter!r} or a line end needs "
                        "quotes"
                    )
                size += 1
                if size > 0:
                    rows.append(dict(zip(names, fields, strict=True)))
                    held += sum(map(len, fields))
                if held > CHUNK_BYTES:
                    yield objects(rows, stream.position)
                    rows, held = [], 0
        except csv.Error as problem:
            raise unreadable(
                f"{name}, line {reader.line_num}: {problem}; is a quote never closed, or not doubled "
                "inside a quoted field?"
            ) from None
        if rows:
            yield objects(rows, stream.position)


def _lines(name: str, stream: Bytes) -> Iterator[str]:
    """The lines as text. Raises InspectionError naming the first that is none."""
    count, held = 0, [stream.read(len(BOM)).removeprefix(BOM)]
    while piece := stream.read(BLOCK_BYTES):
        *lines, rest = piece.split(b"\n")
        for line in lines:
            count += 1
            yield _text(name, b"".join((*held, line)), count) + "\n"
            held = []
        held.append(rest)
    if last := b"".join(held):
        yield _text(name, last, count + 1)


def _text(name: str, line: bytes, number: int) -> str:
    try:
        return line.decode()
    except UnicodeDecodeError as problem:
        raise not_utf8(name, f"line {number}, byte {problem.start + 1}") from None


class _Joined:
    """The bytes already read, then the rest of the stream; its quotes are looked at in passing.

    pyarrow reads ahead in threads of its own, also when it has failed or nobody asks any more. A read
    that met the closing of the file could take its bytes from the file that is opened next, under the
    same descriptor. So nothing is read from the stream once this context has ended.
    """

    closed = False

    def __init__(self, head: bytes, rest: Bytes, quotes: Quotes) -> None:
        self._head, self._rest = head, rest
        self._reading, self._ended = threading.Lock(), False
        self.quotes = quotes
        self.given = 0

    def __enter__(self) -> _Joined:
        return self

    def __exit__(self, *_: object) -> None:
        with self._reading:
            self._ended = True

    def read(self, size: int) -> bytes:
        with self._reading:
            if self._ended:
                return b""
            taken, self._head = self._head[:size], self._head[size:]
            piece = taken or self._rest.read(size)
            self.quotes.feed(piece)
            self.given += len(piece)
            return piece

    def readable(self) -> bool:
        return True

    def close(self) -> None:
        """The stream is its opener's to close."""
