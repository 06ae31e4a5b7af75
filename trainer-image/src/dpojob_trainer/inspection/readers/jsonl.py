"""Reader of JSON Lines: blocks of whole lines, several of them parsed in parallel."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

import pyarrow as pa

from dpojob_trainer.shared.errors import DatasetUnreadable
from dpojob_trainer.shared.rows.row_batch import RowBatch

from .concurrency import map_in_order
from .json_rows import BATCH_ROWS, parse_line, rows_to_batch
from .jsonl_arrow import newlines, parse_block
from .key_growth_guard import Positions

BLOCK_BYTES = 2 << 20
"""Small enough that a block and its columns stay in the cache of a CPU core."""
LARGEST_ROW = 256 << 20
BOM = b"\xef\xbb\xbf"


class ByteStream(Protocol):
    """The decompressed bytes of a file; `CompressedFile` implements it."""

    def read(self, size: int) -> bytes:
        """Read the next bytes.

        Args:
            size: How many at most.

        Returns:
            The bytes; empty at the end.
        """
        ...

    def readinto(self, capacity: memoryview) -> int:
        """Read the next bytes into a buffer.

        Args:
            capacity: The buffer.

        Returns:
            Their number; 0 at the end.
        """
        ...

    @property
    def position(self) -> int:
        """How many bytes of the file as stored were read so far."""
        ...


class ReplayedStream:
    """The bytes already read, then the rest of the stream."""

    def __init__(self, head: bytes, rest: ByteStream) -> None:
        """Put bytes back before a stream.

        Args:
            head: The bytes.
            rest: The stream, which goes on after them.
        """
        self._head, self._rest = head, rest

    def read(self, size: int) -> bytes:
        """Read the next bytes.

        Args:
            size: How many at most.

        Returns:
            The bytes; empty at the end.
        """
        taken, self._head = self._head[:size], self._head[size:]
        return taken or self._rest.read(size)

    def readinto(self, capacity: memoryview) -> int:
        """Read the next bytes into a buffer.

        Args:
            capacity: The buffer.

        Returns:
            Their number; 0 at the end.
        """
        taken = self.read(len(capacity))
        capacity[: len(taken)] = taken
        return len(taken)

    @property
    def position(self) -> int:
        """How many bytes of the file as stored were read so far."""
        return self._rest.position


@dataclass(frozen=True)
class Block:
    """Some whole lines; `line` is the number of the first one, from 1."""

    data: pa.Buffer
    ends: Positions
    line: int
    consumed: int


def read_jsonl(name: str, stream: ByteStream, columns: Sequence[str] | None) -> Iterator[RowBatch]:
    """Read JSON Lines; blank lines are ignored.

    Args:
        name: How messages call the file.
        stream: The file.
        columns: The columns to read, as far as that saves work; None for all.

    Yields:
        Batches of rows, in order.

    Raises:
        InspectionError: A line does not hold one JSON object; the message gives its number.
    """
    parse = partial(_parse_block, name, columns)
    for batches in map_in_order(parse, _blocks(name, stream), lambda block: int(block.data.size)):
        yield from batches


def _blocks(name: str, stream: ByteStream) -> Iterator[Block]:
    """Blocks of whole lines, each of about BLOCK_BYTES, or of one line when it is longer."""
    line, capacity = 1, BLOCK_BYTES
    rest: bytes | pa.Buffer = stream.read(len(BOM)).removeprefix(BOM)
    more = True
    while more:
        data, more = _read_into_buffer(stream, rest, capacity)
        ends = newlines(data)
        cut = int(ends[-1]) + 1 if len(ends) else 0
        if not more:
            cut = data.size
        elif not cut:
            if data.size > LARGEST_ROW:
                raise DatasetUnreadable(
                    f"{name}, line {line} is longer than {LARGEST_ROW >> 20} MiB; is it JSON Lines, "
                    "one object per line?"
                )
            rest, capacity = data, data.size
            continue
        yield Block(data.slice(0, cut), ends, line, stream.position)
        line += len(ends)
        rest, capacity = data.slice(cut).to_pybytes(), BLOCK_BYTES


def _read_into_buffer(
    stream: ByteStream, start: bytes | pa.Buffer, capacity: int
) -> tuple[pa.Buffer, bool]:
    """Read a block after the bytes that are left of the block before it.

    The buffer is allocated by Arrow, which reuses its memory for the next block.

    Args:
        stream: The stream.
        start: The bytes that are left.
        capacity: How many further bytes at most.

    Returns:
        Both together, and whether there were further bytes.
    """
    size = len(start)
    buffer = pa.allocate_buffer(size + capacity)
    view = memoryview(buffer).cast("B")
    view[:size] = memoryview(start).cast("B")
    count = stream.readinto(view[size:])
    return buffer.slice(0, size + count), count > 0


def _parse_block(name: str, columns: Sequence[str] | None, block: Block) -> list[RowBatch]:
    if not block.data.size:
        return []
    table = parse_block(block.data, block.ends)
    if table is None:
        return list(_parse_lines(name, block))
    names = table.column_names
    wanted = names if columns is None else [c for c in columns if c in names] or names[:1]
    batches = table.select(wanted).to_batches()
    return [RowBatch(names, record_batch=batch, consumed=block.consumed) for batch in batches]


def _parse_lines(name: str, block: Block) -> Iterator[RowBatch]:
    rows: list[dict[str, Any]] = []
    for offset, text in enumerate(block.data.to_pybytes().split(b"\n")):
        if text.strip():
            rows.append(parse_line(name, text, block.line + offset))
        if len(rows) >= BATCH_ROWS:
            yield rows_to_batch(rows, block.consumed)
            rows = []
    if rows:
        yield rows_to_batch(rows, block.consumed)
