"""The page headers of a Parquet column chunk, read without decompressing the pages.

pyarrow allocates the size that a page header gives, whatever the footer gives, and does not show page headers.
They are Thrift structures in the compact protocol:
https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

DICTIONARY_PAGE = 2
DELTA_BYTE_ARRAY = 7
"""The encoding in which a value may repeat the beginning of the value before it."""
MAX_NESTING = 16
"""Levels of structures in a page header; the format has 3."""
CODECS = {1: "snappy", 2: "gzip", 4: "brotli", 6: "zstd", 7: "lz4_raw"}
"""Numbers in the footer of the compressions that `pyarrow.decompress` knows."""
UNCOMPRESSED = 0


class DamagedPageHeader(Exception):
    """A page header is not what the format describes."""


@dataclass(frozen=True)
class Chunk:
    """The part of a column in one row group, as the footer describes it."""

    start: int
    stored_size: int
    values: int
    compression: int


@dataclass(frozen=True)
class Page:
    """One page of a column chunk, as its header describes it; sizes in bytes."""

    start: int
    """Where the page follows its header in the file."""
    stored_size: int
    decoded_size: int
    values: int
    is_dictionary: bool
    encoding: int


def read_chunks(data: mmap.mmap) -> list[list[Chunk]]:
    """Read where the column chunks of a file are.

    pyarrow reads the same footer, but to ask it for a chunk's metadata ends the process where their
    statistics are damaged.

    Args:
        data: The file.

    Returns:
        The chunks of each row group, in the order of the schema's leaves.

    Raises:
        DamagedPageHeader: The footer is invalid.
    """
    try:
        length = int.from_bytes(data[-8:-4], "little")
        footer, _ = _read_struct(data, len(data) - 8 - length, 0)
        return [[_chunk(column[3]) for column in group[1]] for group in footer[4]]
    except (IndexError, KeyError, TypeError, ValueError, AttributeError) as problem:
        raise DamagedPageHeader("invalid footer") from problem


def _chunk(metadata: dict[int, Any]) -> Chunk:
    """The fields of the structure ColumnMetaData; 9 and 11 are where its pages begin."""
    start, dictionary = metadata[9], metadata.get(11, 0)
    return Chunk(
        dictionary if 0 < dictionary < start else start, metadata[7], metadata[5], metadata[4]
    )


def read_pages(data: mmap.mmap, chunk: Chunk) -> Iterator[Page]:
    """Read the page headers that pyarrow reads for a column chunk.

    Args:
        data: The file.
        chunk: The column chunk.

    Yields:
        The pages in their order, up to the number of values that the footer gives.

    Raises:
        DamagedPageHeader: A header is invalid or lies outside the file.
    """
    at = chunk.start
    end, seen = at + chunk.stored_size, 0
    while at < end and seen < chunk.values:
        try:
            header, start = _read_struct(data, at, 0)
            page = _page(header, start)
            if min(page.stored_size, page.decoded_size, page.values) < 0:
                raise ValueError("a size is negative")
        except (IndexError, KeyError, TypeError, ValueError, AttributeError) as problem:
            raise DamagedPageHeader(f"invalid page header at byte {at}") from problem
        yield page
        seen += 0 if page.is_dictionary else page.values
        at = page.start + page.stored_size


def longest_value(data: mmap.mmap, page: Page, compression: int) -> int:
    """Find the length of the longest text in a dictionary page.

    Args:
        data: The file.
        page: The dictionary page of a column of the physical type BYTE_ARRAY.
        compression: The compression of its column chunk, as the footer names it.

    Returns:
        The length in bytes; the size of the page where its values cannot be read.
    """
    stored: Any = data[page.start : page.start + page.stored_size]
    if compression != UNCOMPRESSED:
        if compression not in CODECS:
            return page.decoded_size
        try:
            stored = pa.decompress(stored, page.decoded_size, CODECS[compression], asbytes=True)
        except (pa.ArrowException, OSError):
            return page.decoded_size
    at = longest = 0
    for _ in range(page.values):
        if at + 4 > len(stored):
            return page.decoded_size
        length = int.from_bytes(stored[at : at + 4], "little")
        longest = max(longest, length)
        at += 4 + length
    return min(longest, page.decoded_size)


def _page(header: dict[int, Any], start: int) -> Page:
    """The fields of the structure PageHeader; 5, 7 and 8 hold what one type of page has."""
    is_dictionary = header[1] == DICTIONARY_PAGE
    v1, v2 = header.get(5), header.get(8)
    if is_dictionary:
        values, encoding = header[7][1], header[7][2]
    elif v1 is not None:
        values, encoding = v1[1], v1[2]
    elif v2 is not None:
        values, encoding = v2[1], v2[4]
    else:
        values, encoding = 0, -1  # A page of another type, which readers skip.
    return Page(start, header[3], header[2], values, is_dictionary, encoding)


def _read_struct(data: mmap.mmap, at: int, level: int) -> tuple[dict[int, Any], int]:
    """The integers and structures of a structure by field number, and the position of its end."""
    if level > MAX_NESTING:
        raise ValueError("nested too deeply")
    fields: dict[int, Any] = {}
    number = 0
    while head := data[at]:
        at += 1
        if head >> 4:
            number += head >> 4
        else:
            number, at = _read_integer(data, at)
        fields[number], at = _read_value(data, at, head & 15, level)
    return fields, at + 1


def _read_value(data: mmap.mmap, at: int, kind: int, level: int) -> tuple[Any, int]:
    if kind in (1, 2):  # true, false
        return kind == 1, at
    if kind == 3:  # byte
        return data[at], at + 1
    if kind in (4, 5, 6):  # integers of 16, 32 and 64 bits
        return _read_integer(data, at)
    if kind == 7:  # double
        return None, at + 8
    if kind == 8:  # binary
        length, at = _read_varint(data, at)
        return None, at + length
    if kind in (9, 10):  # list, set
        return _read_list(data, at, level)
    if kind == 12:
        return _read_struct(data, at, level + 1)
    raise ValueError(f"the type {kind} does not occur in Parquet files")


def _read_list(data: mmap.mmap, at: int, level: int) -> tuple[list[Any], int]:
    head, at = data[at], at + 1
    size, kind = head >> 4, head & 15
    if size == 15:
        size, at = _read_varint(data, at)
    items = []
    for _ in range(size):
        # In lists, true and false take a byte.
        item, at = _read_value(data, at, 3 if kind in (1, 2) else kind, level)
        items.append(item)
    return items, at


def _read_integer(data: mmap.mmap, at: int) -> tuple[int, int]:
    value, at = _read_varint(data, at)
    return value >> 1 ^ -(value & 1), at


def _read_varint(data: mmap.mmap, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
    raise ValueError("an integer is too long")
