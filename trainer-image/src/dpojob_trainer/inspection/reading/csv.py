"""CSV and TSV files: every column as text, so that an answer "42" stays an answer."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import pyarrow as pa
import pyarrow.csv as pa_csv

from dpojob_trainer.inspection.errors import refuse_twins, unreadable

from .chunk import Chunk
from .lines import BOM, Bytes
from .objects import not_utf8
from .quotes import Quotes
from .stored import Stored

BLOCKS = (8 << 20, 64 << 20, 512 << 20)
"""Bytes read at once; the next size is tried when a row does not fit."""
PROBED = 1 << 20
"""Bytes in which the header line must end."""
OTHER_DELIMITERS = (";", "\t")
"""Tried where a header line names one column only, as spreadsheets write them."""


class Header(NamedTuple):
    """What the first line says."""

    names: list[str]
    delimiter: str


def read_csv(
    name: str, opened: Callable[[], Stored], columns: Sequence[str] | None, delimiter: str
) -> Iterator[Chunk]:
    """Quoted fields may hold line ends; the first line names the columns.

    Raises CouldNotLook naming the line at fault.
    """
    done = 0
    for block in BLOCKS:
        seen = 0
        try:
            with opened() as stream:
                for chunk in _chunks(name, stream, columns, delimiter, block):
                    # With a larger block reading begins anew, past the rows that were given.
                    rest = chunk.slice(min(len(chunk), done - min(done, seen)))
                    seen += len(chunk)
                    if len(rest) or not len(chunk):
                        done = seen
                        yield rest
                return
        except _Doubtful:
            _check(name, opened, delimiter)
            return
        except pa.ArrowInvalid as problem:
            if "straddling" not in str(problem):
                _check(name, opened, delimiter)
                raise
    raise unreadable(
        f"{name} has a row of more than {BLOCKS[-1] >> 20} MiB, or a quote that is never closed"
    )


def _chunks(
    name: str, stream: Bytes, columns: Sequence[str] | None, delimiter: str, block: int
) -> Iterator[Chunk]:
    probe = stream.read(PROBED).removeprefix(BOM)
    names, delimiter = _header(name, probe, delimiter)
    wanted = names if columns is None else [c for c in columns if c in names] or names[:1]
    joined = _Joined(probe, stream, Quotes(delimiter))
    reader = pa_csv.open_csv(
        pa.PythonFile(joined, mode="r"),
        read_options=pa_csv.ReadOptions(block_size=block, use_threads=True),
        parse_options=pa_csv.ParseOptions(delimiter=delimiter, newlines_in_values=True),
        convert_options=pa_csv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.string()),
            strings_can_be_null=False,
            include_columns=wanted,
        ),
    )
    for batch in reader:
        yield Chunk(names, batch=batch, consumed=stream.position)
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


def _check(name: str, opened: Callable[[], Stored], delimiter: str) -> None:
    """Reads the file the slow and strict way. Raises CouldNotLook naming the first line at fault."""
    with opened() as stream:
        probe = stream.read(PROBED).removeprefix(BOM)
    names, delimiter = _header(name, probe, delimiter)
    usual = csv.field_size_limit(BLOCKS[-1])
    with opened() as stream:
        rows = csv.reader(_lines(name, stream), delimiter=delimiter, strict=True)
        try:
            for row in rows:
                if row and len(row) != len(names):
                    raise unreadable(
                        f"{name}, line {rows.line_num}: {len(row)} fields where the header line has "
                        f"{len(names)}; a field that holds {delimiter!r} or a line end needs quotes"
                    )
        except csv.Error as wrong:
            raise unreadable(
                f"{name}, line {rows.line_num}: {wrong}; is a quote never closed, or not doubled "
                "inside a quoted field?"
            ) from None
        finally:
            csv.field_size_limit(usual)


def _lines(name: str, stream: Bytes) -> Iterator[str]:
    """The lines as text. Raises CouldNotLook naming the first that is none."""
    rest, count = stream.read(len(BOM)).removeprefix(BOM), 0
    while piece := stream.read(BLOCKS[0]):
        *lines, rest = (rest + piece).split(b"\n")
        for line in lines:
            count += 1
            yield _text(name, line, count) + "\n"
    if rest:
        yield _text(name, rest, count + 1)


def _text(name: str, line: bytes, number: int) -> str:
    try:
        return line.decode()
    except UnicodeDecodeError as problem:
        raise not_utf8(name, f"line {number}, byte {problem.start + 1}") from None


class _Doubtful(Exception):
    """The quotes are not plainly in order."""


class _Joined:
    """The bytes already read, then the rest of the stream; its quotes are looked at in passing."""

    closed = False

    def __init__(self, head: bytes, rest: Bytes, quotes: Quotes) -> None:
        self._head, self._rest = head, rest
        self.quotes = quotes

    def read(self, size: int) -> bytes:
        taken, self._head = self._head[:size], self._head[size:]
        piece = taken or self._rest.read(size)
        self.quotes.feed(piece)
        return piece

    def readable(self) -> bool:
        return True

    def close(self) -> None:
        """The stream is its opener's to close."""
