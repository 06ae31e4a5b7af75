"""The size that the batches of an Arrow IPC file have once decompressed, read before they are.

pyarrow decompresses a batch as a whole and does not show its size. The sizes stand before each compressed
buffer; where the buffers are stands in the message's FlatBuffers metadata:
https://github.com/apache/arrow/blob/main/format/Message.fbs and File.fbs, and
https://arrow.apache.org/docs/format/Columnar.html#serialization-and-interprocess-communication-ipc
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Iterator
from pathlib import Path

from dpojob_trainer.shared.errors import DatasetUnreadable

MAX_BATCH_BYTES = 1 << 30
"""The largest compressed batch that is decompressed, in bytes; writers make far smaller ones."""
CONTINUATION = 0xFFFFFFFF
DICTIONARY_BATCH, RECORD_BATCH = 2, 3
MAGIC_BYTES = 6
"""The length of "ARROW1", which begins and ends a file."""


def check_batch_sizes(name: str, path: Path, is_file: bool) -> None:
    """Refuse a file with a batch that is too large to be decompressed.

    Args:
        name: How messages call the file.
        path: The file.
        is_file: Whether it has the IPC file format; else it has the stream format.

    Raises:
        DatasetUnreadable: A batch is too large, or the metadata of a message is damaged.
    """
    with path.open("rb") as raw, mmap.mmap(raw.fileno(), 0, access=mmap.ACCESS_READ) as data:
        number = 0
        try:
            starts = _starts_of_file(data) if is_file else _starts_of_stream(data)
            for metadata, body in starts:
                number += 1
                size = _decompressed_bytes(data, metadata, body)
                if size > MAX_BATCH_BYTES:
                    raise DatasetUnreadable(
                        f"{name}: a compressed batch has {size >> 20} MiB, more than "
                        f"{MAX_BATCH_BYTES >> 20} MiB; write the file in batches of fewer rows"
                    )
        except (struct.error, IndexError, ValueError) as problem:
            raise DatasetUnreadable(
                f"{name} is damaged or cut short: the metadata of its message {number + 1} is invalid; "
                "copy it again"
            ) from problem


def _starts_of_file(data: mmap.mmap) -> Iterator[tuple[int, int]]:
    """Where metadata and body of each batch begin, by the footer, from which pyarrow reads them."""
    end = len(data) - MAGIC_BYTES - 4
    (length,) = struct.unpack_from("<i", data, end)
    footer = _root(data, end - length)
    for blocks in (2, 3):
        for at in _vector(data, footer, blocks, 24):
            offset, metadata_bytes = struct.unpack_from("<qi", data, at)
            yield _after_length(data, offset)[0], offset + metadata_bytes


def _starts_of_stream(data: mmap.mmap) -> Iterator[tuple[int, int]]:
    """Where metadata and body of each message begin, one after another."""
    at = 0
    while at + 4 <= len(data):
        metadata, length = _after_length(data, at)
        if length == 0:
            return
        body = metadata + length
        yield metadata, body
        at = body + _scalar(data, _root(data, metadata), 3, "<q")


def _after_length(data: mmap.mmap, at: int) -> tuple[int, int]:
    """Where a message's metadata begins, and its length; old writers leave out the first four bytes."""
    if at < 0:
        raise ValueError("a message begins before the file")
    (length,) = struct.unpack_from("<I", data, at)
    if length == CONTINUATION:
        at += 4
        (length,) = struct.unpack_from("<I", data, at)
    return at + 4, length


def _decompressed_bytes(data: mmap.mmap, metadata: int, body: int) -> int:
    """What the buffers of a batch take once decompressed; 0 where they are not compressed."""
    message = _root(data, metadata)
    kind = _scalar(data, message, 1, "<B")
    batch = _table(data, message, 2)
    if batch is not None and kind == DICTIONARY_BATCH:
        batch = _table(data, batch, 1)
    if batch is None or kind not in (DICTIONARY_BATCH, RECORD_BATCH):
        return 0
    if _table(data, batch, 3) is None:
        return 0
    total = 0
    for at in _vector(data, batch, 2, 16):
        offset, length = struct.unpack_from("<qq", data, at)
        if length > 0:
            # -1 marks a buffer that is stored as it is.
            total += max(0, *struct.unpack_from("<q", data, body + offset))
    return total


def _root(data: mmap.mmap, start: int) -> int:
    return start + int(struct.unpack_from("<I", data, _checked(start))[0])


def _field(data: mmap.mmap, table: int, number: int) -> int | None:
    """Where a field of a FlatBuffers table is; None where the table does not have it."""
    (back,) = struct.unpack_from("<i", data, _checked(table))
    vtable = _checked(table - back)
    (size,) = struct.unpack_from("<H", data, vtable)
    if 4 + 2 * number >= size:
        return None
    (offset,) = struct.unpack_from("<H", data, vtable + 4 + 2 * number)
    return table + offset if offset else None


def _scalar(data: mmap.mmap, table: int, number: int, form: str) -> int:
    at = _field(data, table, number)
    return 0 if at is None else int(struct.unpack_from(form, data, at)[0])


def _table(data: mmap.mmap, table: int, number: int) -> int | None:
    at = _field(data, table, number)
    return None if at is None else _root(data, at)


def _vector(data: mmap.mmap, table: int, number: int, size: int) -> range:
    """Where the structures of a vector are."""
    at = _table(data, table, number)
    if at is None:
        return range(0)
    (count,) = struct.unpack_from("<I", data, at)
    return range(at + 4, at + 4 + count * size, size)


def _checked(at: int) -> int:
    """The position; `unpack_from` would count a negative one from the end."""
    if at < 0:
        raise ValueError("a position is before the file")
    return at
