"""JSON Lines and JSON documents.

Lines are parsed by pyarrow in blocks, each with the types its own values have; a block that pyarrow
cannot type (one column with text here and lists there) is parsed line by line, which also finds the
line at fault.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import IO, Any

import pyarrow as pa
import pyarrow.json as pa_json

from dpojob_trainer.inspection.errors import CouldNotLook, unreadable

from .chunk import Chunk

BLOCK_BYTES = 8 << 20
LARGEST_ROW = 256 << 20
OBJECTS = 2048
BOM = b"\xef\xbb\xbf"


def read_lines(name: str, stream: IO[bytes], columns: Sequence[str] | None) -> Iterator[Chunk]:
    """One JSON object per line; blank lines count for nothing."""
    line = 1
    with stream:
        for block in _blocks(name, stream):
            yield from _parse(name, block, line, columns)
            line += block.count(b"\n")


def _blocks(name: str, stream: IO[bytes]) -> Iterator[bytes]:
    """Pieces of whole lines, of about BLOCK_BYTES, or one line when it is longer."""
    left = b""
    first = True
    while piece := bytes(stream.read(BLOCK_BYTES)):
        if first:
            piece, first = piece.removeprefix(BOM), False
        cut = piece.rfind(b"\n") + 1
        if cut == 0:
            left += piece
            if len(left) > LARGEST_ROW:
                raise unreadable(
                    f"{name} has a line of more than {LARGEST_ROW >> 20} MiB; is it JSON Lines, one "
                    "object per line?"
                )
            continue
        yield left + piece[:cut]
        left = piece[cut:]
    if left.strip():
        yield left


def _parse(name: str, block: bytes, line: int, columns: Sequence[str] | None) -> Iterator[Chunk]:
    if block.isspace():
        return
    table = _typed(block)
    if table is None:
        yield from _by_hand(name, block, line)
        return
    names = table.column_names
    wanted = names if columns is None else [c for c in columns if c in names] or names[:1]
    for batch in table.select(wanted).to_batches():
        yield Chunk(names, batch=batch)


def _typed(block: bytes) -> pa.Table | None:
    """The block as pyarrow reads it; None when its values have no common type or it is not JSON."""
    if not block.isascii():
        # pyarrow takes any bytes for text here; the line at fault is found by hand.
        try:
            block.decode()
        except UnicodeDecodeError:
            return None
    options = pa_json.ReadOptions(use_threads=True, block_size=max(1 << 20, len(block) // 4))
    try:
        try:
            table = pa_json.read_json(pa.BufferReader(block), read_options=options)
        except pa.ArrowInvalid as problem:
            if "straddling" not in str(problem):
                raise
            options = pa_json.ReadOptions(use_threads=False, block_size=len(block) + 1)
            table = pa_json.read_json(pa.BufferReader(block), read_options=options)
        schema = _as_written(table.schema)
        if schema != table.schema:
            # pyarrow turns text that looks like a date into one; it is an answer all the same.
            options.block_size = len(block) + 1
            table = pa_json.read_json(
                pa.BufferReader(block),
                read_options=options,
                parse_options=pa_json.ParseOptions(explicit_schema=schema),
            )
        # A null among the objects of a list comes out as a broken array (pyarrow 26), which crashes
        # whatever touches it.
        table.validate()
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return None
    return table


def _as_written(schema: pa.Schema) -> pa.Schema:
    return pa.schema([field.with_type(_text_not_time(field.type)) for field in schema])


def _text_not_time(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_temporal(kind):
        return pa.string()
    if pa.types.is_list(kind):
        return pa.list_(_text_not_time(kind.value_type))
    if pa.types.is_struct(kind):
        fields = [kind.field(index) for index in range(kind.num_fields)]
        return pa.struct([field.with_type(_text_not_time(field.type)) for field in fields])
    return kind


def _by_hand(name: str, block: bytes, line: int) -> Iterator[Chunk]:
    rows: list[dict[str, Any]] = []
    for offset, text in enumerate(block.split(b"\n")):
        if text.strip():
            rows.append(_row(name, text, line + offset))
        if len(rows) >= OBJECTS:
            yield _objects(rows)
            rows = []
    if rows:
        yield _objects(rows)


def _row(name: str, text: bytes, line: int) -> dict[str, Any]:
    try:
        value = json.loads(text.decode())
    except UnicodeDecodeError as problem:
        raise _not_utf8(name, f"line {line}, byte {problem.start + 1}") from None
    except json.JSONDecodeError as problem:
        raise unreadable(
            f"{name}, line {line}, character {problem.colno}: not JSON ({problem.msg}); "
            "each line must hold one whole JSON object"
        ) from None
    except (RecursionError, ValueError) as problem:
        raise unreadable(f"{name}, line {line}: {str(problem)[:100]}") from None
    if not isinstance(value, dict):
        raise unreadable(
            f"{name}, line {line} holds {type(value).__name__}, not an object with columns"
        )
    return value


def _not_utf8(name: str, place: str) -> CouldNotLook:
    return unreadable(
        f"{name}, {place}: not UTF-8 text (Latin-1 perhaps); convert it, such as with "
        "iconv -f latin1 -t utf-8"
    )


def _objects(rows: list[dict[str, Any]]) -> Chunk:
    columns: dict[str, None] = {}
    for row in rows:
        columns.update(dict.fromkeys(row))
    return Chunk(list(columns), objects=rows)


def read_json(name: str, stream: IO[bytes], columns: Sequence[str] | None) -> Iterator[Chunk]:
    """A list of objects, an object that holds such a list, or JSON Lines under another name."""
    with stream:
        head = bytes(stream.read(BLOCK_BYTES)).removeprefix(BOM)
        start = head.lstrip()[:1]
        if start == b"[":
            yield from _list(name, head, stream)
            return
        if start == b"{" and not _is_line(head):
            yield from _document(name, head, stream)
            return
        yield from read_lines(name, _Rejoined(head, stream), columns)  # type: ignore[arg-type]


def _is_line(head: bytes) -> bool:
    """Whether the first line is a whole object, as in JSON Lines."""
    text, end, _ = head.lstrip().partition(b"\n")
    if not end and len(head) >= BLOCK_BYTES:
        return False
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return False
    return not _nested_rows(value)


def _nested_rows(value: Any) -> list[Any] | None:
    """The rows inside `{"data": [...]}`: the only list of objects there."""
    if not isinstance(value, dict) or {"chosen", "rejected"} & set(value):
        return None
    lists = [
        item
        for item in value.values()
        if isinstance(item, list) and item and all(isinstance(row, dict) for row in item)
    ]
    return lists[0] if len(value) <= 3 and len(lists) == 1 and len(lists[0]) > 0 else None


def _document(name: str, head: bytes, stream: IO[bytes]) -> Iterator[Chunk]:
    data = head
    while len(data) <= LARGEST_ROW and (piece := bytes(stream.read(BLOCK_BYTES))):
        data += piece
    if len(data) > LARGEST_ROW:
        raise unreadable(
            f"{name} is one JSON object of more than {LARGEST_ROW >> 20} MiB; write the rows as "
            "JSON Lines"
        )
    try:
        value = json.loads(data.decode())
    except UnicodeDecodeError as problem:
        raise _not_utf8(name, f"byte {problem.start + 1}") from None
    except json.JSONDecodeError as problem:
        raise unreadable(
            f"{name}, line {problem.lineno}, character {problem.colno}: not JSON ({problem.msg})"
        ) from None
    except RecursionError:
        raise unreadable(f"{name} is nested too deeply") from None
    rows = _nested_rows(value)
    yield _objects(rows if rows is not None else [value])


def _list(name: str, head: bytes, stream: IO[bytes]) -> Iterator[Chunk]:
    """The objects of a list, one after another, never the whole list at once."""
    elements = _Elements(name, head, stream)
    rows: list[dict[str, Any]] = []
    for value in elements:
        if not isinstance(value, dict):
            raise unreadable(
                f"{name}: element {elements.count - 1} of the list is {type(value).__name__}, not an "
                "object with columns"
            )
        rows.append(value)
        if len(rows) >= OBJECTS:
            yield _objects(rows)
            rows = []
    if rows:
        yield _objects(rows)


class _Elements:
    """The elements of a JSON list that is read piece by piece."""

    def __init__(self, name: str, head: bytes, stream: IO[bytes]) -> None:
        import codecs

        self._name, self._stream = name, stream
        self._decode = codecs.getincrementaldecoder("utf-8")()
        self._bytes = 0
        self._text = self._decoded(head).lstrip()[1:]
        self._scan = json.JSONDecoder().raw_decode
        self._ended = False
        self.count = 0

    def _decoded(self, piece: bytes, final: bool = False) -> str:
        try:
            text = self._decode.decode(piece, final)
        except UnicodeDecodeError as problem:
            raise _not_utf8(self._name, f"byte {self._bytes + problem.start + 1}") from None
        self._bytes += len(piece)
        return text

    def _more(self) -> bool:
        piece = bytes(self._stream.read(BLOCK_BYTES))
        self._text += self._decoded(piece, final=not piece)
        self._ended = not piece
        if len(self._text) > LARGEST_ROW:
            raise unreadable(f"{self._name}: a row is larger than {LARGEST_ROW >> 20} MiB")
        return bool(piece)

    def __iter__(self) -> Iterator[Any]:
        at = 0
        while True:
            at = self._skip(at, " \t\r\n,")
            if at >= len(self._text):
                self._text, at = "", 0
                if not self._more():
                    raise unreadable(f"{self._name} is cut short after row {self.count - 1}")
                continue
            if self._text[at] == "]":
                return
            try:
                value, end = self._scan(self._text, at)
            except json.JSONDecodeError as problem:
                self._text, at = self._text[at:], 0
                if self._ended or not self._more():
                    raise unreadable(
                        f"{self._name}: row {self.count} is not JSON ({problem.msg}), or the file is "
                        "cut short there"
                    ) from None
                continue
            except RecursionError:
                raise unreadable(f"{self._name}: row {self.count} is nested too deeply") from None
            self.count += 1
            at = end
            yield value
            if at > BLOCK_BYTES:
                self._text, at = self._text[at:], 0

    def _skip(self, at: int, characters: str) -> int:
        while at < len(self._text) and self._text[at] in characters:
            at += 1
        return at


class _Rejoined:
    """The bytes already read, then the rest of the stream."""

    def __init__(self, head: bytes, stream: IO[bytes]) -> None:
        self._head, self._stream = head, stream

    def read(self, size: int = -1) -> bytes:
        if self._head:
            taken, self._head = self._head, b""
            return taken
        return bytes(self._stream.read(size))

    def __enter__(self) -> _Rejoined:
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.close()
