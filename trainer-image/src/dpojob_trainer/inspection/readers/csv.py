"""Reader of CSV and TSV files; every column is text, so that the answer "42" remains a text.

pyarrow reads the file in blocks. After an error, or where quotes are irregular, Python's strict reader
reads the remaining rows; it also gives the number of an invalid line.
"""

from __future__ import annotations

import csv
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from itertools import islice
from typing import NamedTuple

import pyarrow as pa
import pyarrow.csv as pa_csv

from dpojob_trainer.shared.errors import DatasetUnreadable, require_unique_columns
from dpojob_trainer.shared.rows.row_batch import RowBatch

from .compressed_file import CompressedFile
from .csv_quotes import QuoteCheck
from .json_rows import NotUTF8, rows_to_batch
from .jsonl import BOM, LARGEST_ROW, ByteStream, ReplayedStream

BLOCK_BYTES = 8 << 20
PROBED_BYTES = 1 << 20
"""Bytes within which the header line must end."""
OTHER_DELIMITERS = (";", "\t")
"""Tried where the header line names only one column; some spreadsheets write them."""
CHUNK_BYTES = 4 << 20
"""About the size of a batch of rows that the strict reader read, in bytes."""
FIELD_BYTES = 64
"""What a field takes in memory besides its text."""
NAME_WORDS = 5
NAME_LENGTH = 80
"""The most words and characters of a column's name; a longer field is a sentence."""
COMPARED_ROWS = 20
"""Rows that are compared with the first line."""
SENTENCE_ENDS = (".", "?", "!", "。", "？", "！")
KNOWN_NAMES = frozenset(
    ("prompt", "chosen", "rejected", "question", "instruction", "input", "output", "response",
     "answer", "preferred", "id")
)  # fmt: skip
"""Words of column names; a line with one of them names columns, whatever else it holds."""

OpenFile = Callable[[], CompressedFile]


class Header(NamedTuple):
    """The column names and the delimiter of the header line."""

    names: list[str]
    delimiter: str
    is_line: bool = True
    """Whether the file has the line; else the columns are called column_1, column_2, ..."""


class _NeedsStrictReader(Exception):
    """The quotes are irregular, so pyarrow may have read other rows than a strict reader would."""


def read_csv(
    name: str, open_file: OpenFile, columns: Sequence[str] | None, delimiter: str
) -> Iterator[RowBatch]:
    """Read a CSV file. The first line names the columns; quoted fields may hold line ends.

    Args:
        name: How messages call the file.
        open_file: Opens the file at its beginning; it may be read twice.
        columns: The columns to read; None for all.
        delimiter: The expected delimiter.

    Yields:
        Batches of rows, every value a text.

    Raises:
        InspectionError: A line is invalid; the message gives its number.
    """
    done = 0
    try:
        for batch in _read_blocks(name, open_file, columns, delimiter):
            done += len(batch)
            yield batch
    except (_NeedsStrictReader, pa.ArrowInvalid):
        yield from _read_strictly(name, open_file, delimiter, done)


def _read_blocks(
    name: str, open_file: OpenFile, columns: Sequence[str] | None, delimiter: str
) -> Iterator[RowBatch]:
    with open_file() as stream:
        start = stream.read(PROBED_BYTES).removeprefix(BOM)
        names, delimiter, is_line = _header(name, start, delimiter)
        wanted = names if columns is None else [c for c in columns if c in names] or names[:1]
        with _CheckedStream(start, stream, QuoteCheck(delimiter)) as replayed:
            reader = pa_csv.open_csv(
                pa.PythonFile(replayed, mode="r"),
                read_options=pa_csv.ReadOptions(
                    block_size=BLOCK_BYTES,
                    use_threads=True,
                    column_names=None if is_line else names,
                ),
                parse_options=pa_csv.ParseOptions(delimiter=delimiter, newlines_in_values=True),
                convert_options=pa_csv.ConvertOptions(
                    column_types=dict.fromkeys(names, pa.string()),
                    strings_can_be_null=False,
                    include_columns=wanted,
                ),
            )
            for number, batch in enumerate(reader, 1):
                # A batch is one block; pyarrow reads some blocks ahead.
                share = min(1.0, number * BLOCK_BYTES / max(1, replayed.bytes_given))
                yield RowBatch(names, record_batch=batch, consumed=int(share * stream.position))
            if not replayed.quotes.is_regular():
                raise _NeedsStrictReader


def _header(name: str, start: bytes, delimiter: str) -> Header:
    lines = start.decode("utf-8", errors="ignore").splitlines(keepends=True)
    names, *rows = _first_rows(lines, delimiter)
    for other in OTHER_DELIMITERS:
        if len(names) == 1 and other in names[0]:
            delimiter = other
            names, *rows = _first_rows(lines, delimiter)
    if not any(names):
        raise DatasetUnreadable(f"{name} has no header line that names its columns")
    if _is_data(names, [row for row in rows if len(row) == len(names)]):
        numbered = [f"column_{number}" for number in range(1, len(names) + 1)]
        return Header(numbered, delimiter, False)
    require_unique_columns(name, names)
    return Header(names, delimiter)


def _first_rows(lines: Sequence[str], delimiter: str) -> list[list[str]]:
    """The first line and some rows, as far as they are CSV; an empty one where the first line is not."""
    found: list[list[str]] = []
    with suppress(csv.Error):
        for row in islice(csv.reader(lines, delimiter=delimiter), COMPARED_ROWS + 1):
            found.append(row)
    return found or [[]]


def _is_data(fields: Sequence[str], rows: Sequence[Sequence[str]]) -> bool:
    """Whether a first line is a row: no field is a known name, and they read like the rows below."""
    sentences = [
        field for field in fields if len(field.split()) > NAME_WORDS or len(field) > NAME_LENGTH
    ]
    words = {
        word for field in fields if field not in sentences for word in field.lower().split("_")
    }
    if words & KNOWN_NAMES:
        return False
    return len(sentences) > 1 or any(
        kind is not None and sum(_kind(row[at]) == kind for row in rows) * 2 > len(rows)
        for at, kind in enumerate(map(_kind, fields))
    )


def _kind(field: str) -> str | None:
    """What no column's name is: a number, or the mark at the end of a sentence."""
    text = field.strip()
    if text.removeprefix("-").replace(".", "", 1).isdecimal():
        return "number"
    return text[-1] if text.endswith(SENTENCE_ENDS) else None


def _read_strictly(
    name: str, open_file: OpenFile, delimiter: str, skipped: int
) -> Iterator[RowBatch]:
    """The rows after the first `skipped` ones; those are read again too, to find invalid lines."""
    with open_file() as stream:
        start = stream.read(PROBED_BYTES).removeprefix(BOM)
        names, delimiter, is_line = _header(name, start, delimiter)
    csv.field_size_limit(LARGEST_ROW)
    with open_file() as stream:
        reader = csv.reader(_lines(name, stream), delimiter=delimiter, strict=True)
        rows: list[dict[str, str]] = []
        size = -skipped
        size_held = 0
        try:
            if is_line:
                next(reader)
            for fields in reader:
                if not fields:
                    continue
                if len(fields) != len(names):
                    raise DatasetUnreadable(
                        f"{name}, line {reader.line_num}: {len(fields)} fields where the header line "
                        f"has {len(names)}; a field that holds {delimiter!r} or a line end needs "
                        "quotes"
                    )
                size += 1
                if size > 0:
                    rows.append(dict(zip(names, fields, strict=True)))
                    size_held += sum(map(len, fields)) + FIELD_BYTES * len(fields)
                if size_held > CHUNK_BYTES:
                    yield rows_to_batch(rows, stream.position)
                    rows, size_held = [], 0
        except csv.Error as problem:
            raise DatasetUnreadable(
                f"{name}, line {reader.line_num}: {problem}; is a quote never closed, or not doubled "
                "inside a quoted field?"
            ) from None
        if rows:
            yield rows_to_batch(rows, stream.position)


def _lines(name: str, stream: ByteStream) -> Iterator[str]:
    """The lines as text. Raises InspectionError for the first line that is not UTF-8."""
    count, pending = 0, [stream.read(len(BOM)).removeprefix(BOM)]
    while piece := stream.read(BLOCK_BYTES):
        *lines, rest = piece.split(b"\n")
        for line in lines:
            count += 1
            yield _text(name, b"".join((*pending, line)), count) + "\n"
            pending = []
        pending.append(rest)
        if sum(map(len, pending)) > LARGEST_ROW:
            raise DatasetUnreadable(
                f"{name}, line {count + 1} is longer than {LARGEST_ROW >> 20} MiB; is it CSV, one row "
                "per line?"
            )
    if last := b"".join(pending):
        yield _text(name, last, count + 1)


def _text(name: str, line: bytes, number: int) -> str:
    try:
        return line.decode()
    except UnicodeDecodeError as problem:
        raise NotUTF8(name, f"line {number}, byte {problem.start + 1}") from None


class _CheckedStream(ReplayedStream):
    """The bytes already read, then the rest of the stream; the quotes of both are checked.

    pyarrow reads ahead in its own threads, even after an error or when the iteration has stopped. A
    read that runs while the file is closed could take its bytes from another file that was opened
    with the same descriptor. So nothing is read from the stream once this context has ended.
    """

    closed = False

    def __init__(self, head: bytes, rest: ByteStream, quotes: QuoteCheck) -> None:
        super().__init__(head, rest)
        self._reading, self._is_closed = threading.Lock(), False
        self.quotes = quotes
        self.bytes_given = 0

    def __enter__(self) -> _CheckedStream:
        return self

    def __exit__(self, *_: object) -> None:
        with self._reading:
            self._is_closed = True

    def read(self, size: int) -> bytes:
        with self._reading:
            if self._is_closed:
                return b""
            piece = super().read(size)
            self.quotes.feed(piece)
            self.bytes_given += len(piece)
            return piece

    def readable(self) -> bool:
        return True

    def close(self) -> None:
        """Do nothing: the caller closes the stream."""
