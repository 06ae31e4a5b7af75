"""The column chunks and pages of a Parquet file, read without decompressing the pages.

pyarrow allocates the size that a page header gives, whatever the footer gives, and does not show page headers.
Footer and page headers are Thrift structures:
https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from .thrift_compact import INVALID, read_struct

DICTIONARY_PAGE = 2
DELTA_BYTE_ARRAY = 7
"""The encoding in which a value may repeat the beginning of the value before it."""
CODECS = {1: "snappy", 2: "gzip", 4: "brotli", 6: "zstd", 7: "lz4_raw"}
"""Numbers in the footer of the compressions that `pyarrow.decompress` knows."""
UNCOMPRESSED = 0

FOOTER_ROW_GROUPS, GROUP_COLUMNS, COLUMN_METADATA = 4, 1, 3
"""Numbers of fields: of the footer (FileMetaData), of a RowGroup, and of a ColumnChunk."""


class DamagedParquetError(Exception):
    """The footer or a page header is not what the format describes."""


@dataclass(frozen=True)
class Chunk:
    """The part of a column in one row group, as the footer describes it."""

    start: int
    """Where its first page header begins in the file."""
    stored_size: int
    """Bytes of all its pages and their headers."""
    values: int
    compression: int
    """The number of the compression in the format."""


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
        DamagedParquetError: The footer is invalid.
    """
    try:
        length = int.from_bytes(data[-8:-4], "little")
        footer, _ = read_struct(data, len(data) - 8 - length)
        groups = footer[FOOTER_ROW_GROUPS]
        return [[_chunk(c[COLUMN_METADATA]) for c in group[GROUP_COLUMNS]] for group in groups]
    except INVALID as problem:
        raise DamagedParquetError("invalid footer") from problem


def _chunk(metadata: dict[int, Any]) -> Chunk:
    """The column chunk of a structure ColumnMetaData."""
    codec, values, stored_size, start = (metadata[number] for number in (4, 5, 7, 9))
    dictionary_start = metadata.get(11, 0)
    if 0 < dictionary_start < start:
        start = dictionary_start
    return Chunk(start, stored_size, values, codec)


def read_pages(data: mmap.mmap, chunk: Chunk) -> Iterator[Page]:
    """Read the page headers that pyarrow reads for a column chunk.

    Args:
        data: The file.
        chunk: The column chunk.

    Yields:
        The pages in their order, up to the number of values that the footer gives.

    Raises:
        DamagedParquetError: A header is invalid or lies outside the file.
    """
    at = chunk.start
    end, seen = at + chunk.stored_size, 0
    while at < end and seen < chunk.values:
        try:
            header, start = read_struct(data, at)
            page = _page(header, start)
        except INVALID as problem:
            raise DamagedParquetError(f"invalid page header at byte {at}") from problem
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
    """The page of a structure PageHeader, which has another structure for each type of page."""
    kind, decoded_size, stored_size = (header[number] for number in (1, 2, 3))
    v1, v2 = header.get(5), header.get(8)
    is_dictionary = kind == DICTIONARY_PAGE
    if is_dictionary:
        values, encoding = header[7][1], header[7][2]
    elif v1 is not None:
        values, encoding = v1[1], v1[2]
    elif v2 is not None:
        values, encoding = v2[1], v2[4]
    else:
        values, encoding = 0, -1  # A page of another type, which readers skip.
    if min(stored_size, decoded_size, values) < 0:
        raise ValueError("a size is negative")
    return Page(start, stored_size, decoded_size, values, is_dictionary, encoding)
