"""Reader of .json files: a list of objects, an object that holds such a list, objects one after another."""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterator, Sequence
from typing import Any

from dpojob_trainer.shared.errors import DatasetUnreadable
from dpojob_trainer.shared.rows.row_batch import RowBatch

from .json_document import describe_other_layout, nested_rows
from .json_rows import (
    BATCH_ROWS,
    DECODER,
    NotUTF8,
    TooManyValues,
    parse_values,
    rows_to_batch,
)
from .json_values import MAX_DOCUMENT_VALUES, MAX_ROW_VALUES, has_more_values
from .jsonl import BOM, LARGEST_ROW, ByteStream, ReplayedStream, read_jsonl

BLOCK_BYTES = 8 << 20
BATCH_CHARACTERS = 8 << 20
"""The most characters of a batch's rows, unless one row has more."""
SPACE = " \t\r\n"


def read_json(name: str, stream: ByteStream, columns: Sequence[str] | None) -> Iterator[RowBatch]:
    """Read a .json file of any of these layouts, JSON Lines too.

    Args:
        name: How messages call the file.
        stream: The file.
        columns: The columns to read, as far as that saves work; None for all.

    Yields:
        Batches of rows.

    Raises:
        InspectionError: The file is not valid JSON; the message gives the place.
    """
    head = stream.read(BLOCK_BYTES).removeprefix(BOM)
    start = head.lstrip()[:1]
    if start == b"[":
        yield from _read_list(name, head, stream)
    elif start == b"{" and not _starts_with_jsonl(head):
        yield from _read_document(name, head, stream)
    else:
        yield from read_jsonl(name, ReplayedStream(head, stream), columns)


def _starts_with_jsonl(head: bytes) -> bool:
    """Whether the first line is a complete object, as in JSON Lines."""
    text, end, rest = head.lstrip().partition(b"\n")
    if not end and len(head) >= BLOCK_BYTES:
        return False
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return False
    return bool(rest.strip()) or (
        nested_rows(value) is None and describe_other_layout(value) is None
    )


def _read_document(name: str, head: bytes, stream: ByteStream) -> Iterator[RowBatch]:
    data = head
    while len(data) <= LARGEST_ROW and (piece := stream.read(BLOCK_BYTES)):
        data += piece
    if len(data) > LARGEST_ROW:
        raise DatasetUnreadable(
            f"{name} is one JSON object of more than {LARGEST_ROW >> 20} MiB; write the rows as "
            "JSON Lines"
        )
    if has_more_values(data, MAX_DOCUMENT_VALUES):
        raise TooManyValues(f"{name}, one JSON object,", MAX_DOCUMENT_VALUES)
    try:
        values = parse_values(data.decode())
    except UnicodeDecodeError as problem:
        raise NotUTF8(name, f"byte {problem.start + 1}") from None
    except json.JSONDecodeError as problem:
        raise DatasetUnreadable(
            f"{name}, line {problem.lineno}, character {problem.colno}: not JSON ({problem.msg})"
        ) from None
    except RecursionError:
        raise DatasetUnreadable(f"{name} is nested too deeply") from None
    except ValueError as problem:
        raise DatasetUnreadable(f"{name}: {problem}") from None
    if not all(isinstance(value, dict) for value in values):
        raise DatasetUnreadable(
            f"{name} holds more than objects; write one object per line (.jsonl)"
        )
    rows = nested_rows(values[0]) if len(values) == 1 else values
    if rows is None and (layout := describe_other_layout(values[0])) is not None:
        raise DatasetUnreadable(f"{name} {layout}")
    yield rows_to_batch(values if rows is None else rows, stream.position)


def _read_list(name: str, head: bytes, stream: ByteStream) -> Iterator[RowBatch]:
    """The objects of a list, parsed one after another, so that memory is bounded."""
    elements = _ListElements(name, head, stream)
    rows: list[dict[str, Any]] = []
    size = 0
    for value, characters in elements:
        if not isinstance(value, dict):
            raise DatasetUnreadable(
                f"{name}: element {elements.count - 1} of the list is {type(value).__name__}, not an "
                "object with columns. DPO needs one object per row, with the columns prompt, chosen and "
                "rejected"
            )
        rows.append(value)
        size += characters
        if len(rows) >= BATCH_ROWS or size >= BATCH_CHARACTERS:
            yield rows_to_batch(rows, stream.position)
            rows, size = [], 0
    if rows:
        yield rows_to_batch(rows, stream.position)


class _ListElements:
    """The elements of a JSON list, parsed while the file is read."""

    def __init__(self, name: str, head: bytes, stream: ByteStream) -> None:
        self._name, self._stream = name, stream
        self._decode = codecs.getincrementaldecoder("utf-8")()
        self._bytes = 0
        self._text = self._decoded(head).lstrip()[1:]
        self._scan = DECODER.raw_decode
        self._ended = False
        self.count = 0

    def _decoded(self, piece: bytes, final: bool = False) -> str:
        try:
            text = self._decode.decode(piece, final)
        except UnicodeDecodeError as problem:
            raise NotUTF8(self._name, f"byte {self._bytes + problem.start + 1}") from None
        self._bytes += len(piece)
        return text

    def _read_more(self) -> bool:
        piece = self._stream.read(BLOCK_BYTES)
        self._text += self._decoded(piece, final=not piece)
        self._ended = not piece
        if len(self._text) > LARGEST_ROW:
            raise DatasetUnreadable(f"{self._name}: a row is larger than {LARGEST_ROW >> 20} MiB")
        return bool(piece)

    def __iter__(self) -> Iterator[tuple[Any, int]]:
        """Each element with the number of its characters."""
        at = 0
        while True:
            at = self._skip_space(at)
            if self._text[at : at + 1] == "]":
                self._check_end(at + 1)
                return
            at = self._skip_comma(at)
            value, start, at = self._parse_element(at)
            self.count += 1
            yield value, at - start
            if at > BLOCK_BYTES:
                self._text, at = self._text[at:], 0

    def _skip_comma(self, at: int) -> int:
        """The position after the comma that precedes every element but the first."""
        if self.count:
            if self._text[at] != ",":
                raise DatasetUnreadable(
                    f"{self._name}: no comma follows row {self.count - 1} of the list"
                )
            at = self._skip_space(at + 1)
        return at

    def _parse_element(self, at: int) -> tuple[Any, int, int]:
        """The element at a position in the text, its position after more was read, and its end."""
        while True:
            try:
                value, end = self._scan(self._text, at)
                return value, at, end
            except json.JSONDecodeError as problem:
                # What was parsed belongs to this row; what follows may be other rows.
                parsed = self._text[at : problem.pos].encode(errors="replace")
                if has_more_values(parsed, MAX_ROW_VALUES):
                    raise TooManyValues(f"{self._name}: row {self.count}", MAX_ROW_VALUES) from None
                self._text, at = self._text[at:], 0
                if self._ended or not self._read_more():
                    raise DatasetUnreadable(
                        f"{self._name}: row {self.count} is not JSON ({problem.msg}), or the file is "
                        "cut short there"
                    ) from None
            except RecursionError:
                raise DatasetUnreadable(
                    f"{self._name}: row {self.count} is nested too deeply"
                ) from None
            except ValueError as problem:
                raise DatasetUnreadable(f"{self._name}: row {self.count}: {problem}") from None

    def _skip_space(self, at: int) -> int:
        """The position of the next character that is not white space; the list must go on."""
        while True:
            while at < len(self._text):
                if self._text[at] not in SPACE:
                    return at
                at += 1
            self._text, at = "", 0
            if not self._read_more():
                raise DatasetUnreadable(f"{self._name} is cut short after row {self.count - 1}")

    def _check_end(self, at: int) -> None:
        """Check that nothing follows the list, because rows there would be lost."""
        while True:
            if self._text[at:].strip(SPACE):
                raise DatasetUnreadable(
                    f"{self._name} goes on after the end of its list of {self.count} rows; write one "
                    "list, or one object per line (.jsonl)"
                )
            self._text, at = "", 0
            if not self._read_more():
                return
