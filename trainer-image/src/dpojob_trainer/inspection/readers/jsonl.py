"""JSON Lines: read in blocks of whole lines, several of them parsed at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

import pyarrow as pa

from dpojob_trainer.shared.errors import unreadable
from dpojob_trainer.shared.row_batch import Chunk

from .json_rows import OBJECTS, objects, row_of
from .jsonl_arrow import newlines, typed
from .key_growth_guard import Places
from .ordered_map import in_order

BLOCK_BYTES = 2 << 20
"""Little enough that a block and its columns stay in a core's cache."""
LARGEST_ROW = 256 << 20
BOM = b"\xef\xbb\xbf"


class Bytes(Protocol):
    """The bytes of a file, as `Stored` has them."""

    def read(self, size: int) -> bytes:
        """The next bytes; none at the end."""
        ...

    def readinto(self, room: memoryview) -> int:
        """Puts the next bytes there; how many, 0 at the end."""
        ...

    @property
    def position(self) -> int:
        """How many bytes of the file, as stored, were read."""
        ...


@dataclass(frozen=True)
class Block:
    """Some whole lines; `line` is the number of the first, from 1."""

    data: pa.Buffer
    ends: Places
    line: int
    consumed: int


def read_lines(name: str, stream: Bytes, columns: Sequence[str] | None) -> Iterator[Chunk]:
    """One JSON object per line; blank lines count for nothing."""
    parse = partial(_chunks, name, columns)
    for chunks in in_order(parse, _blocks(name, stream), lambda block: int(block.data.size)):
        yield from chunks


def _blocks(name: str, stream: Bytes) -> Iterator[Block]:
    """Pieces of whole lines, of about BLOCK_BYTES, or one line when it is longer."""
    line, room = 1, BLOCK_BYTES
    rest: bytes | pa.Buffer = stream.read(len(BOM)).removeprefix(BOM)
    more = True
    while more:
        data, more = _filled(stream, rest, room)
        ends = newlines(data)
        cut = int(ends[-1]) + 1 if len(ends) else 0
        if not more:
            cut = data.size
        elif not cut:
            if data.size > LARGEST_ROW:
                raise unreadable(
                    f"{name}, line {line} is longer than {LARGEST_ROW >> 20} MiB; is it JSON Lines, "
                    "one object per line?"
                )
            rest, room = data, data.size
            continue
        yield Block(data.slice(0, cut), ends, line, stream.position)
        line += len(ends)
        rest, room = data.slice(cut).to_pybytes(), BLOCK_BYTES


def _filled(stream: Bytes, start: bytes | pa.Buffer, room: int) -> tuple[pa.Buffer, bool]:
    """`start` and at most `room` bytes of the stream after it; whether it had any.

    In memory of Arrow's own, which it keeps for the next block.
    """
    size = len(start)
    buffer = pa.allocate_buffer(size + room)
    view = memoryview(buffer).cast("B")
    view[:size] = memoryview(start).cast("B")
    got = stream.readinto(view[size:])
    return buffer.slice(0, size + got), got > 0


def _chunks(name: str, columns: Sequence[str] | None, block: Block) -> list[Chunk]:
    if not block.data.size:
        return []
    table = typed(block.data, block.ends)
    if table is None:
        return list(_by_hand(name, block))
    names = table.column_names
    wanted = names if columns is None else [c for c in columns if c in names] or names[:1]
    batches = table.select(wanted).to_batches()
    return [Chunk(names, batch=batch, consumed=block.consumed) for batch in batches]


def _by_hand(name: str, block: Block) -> Iterator[Chunk]:
    rows: list[dict[str, Any]] = []
    for offset, text in enumerate(block.data.to_pybytes().split(b"\n")):
        if text.strip():
            rows.append(row_of(name, text, block.line + offset))
        if len(rows) >= OBJECTS:
            yield objects(rows, block.consumed)
            rows = []
    if rows:
        yield objects(rows, block.consumed)
