"""How many rows of a Parquet file can be decoded at once in bounded memory.

The sizes in the footer are those of the encoded values. A dictionary of one long text gives that text
to each row at no size, a list of a billion nulls takes a few bytes, and the footer may be wrong. So the
bound comes from the page headers: no value is longer than the longest of its dictionary.
"""

from __future__ import annotations

import mmap
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dpojob_trainer.shared.errors import DatasetUnreadable

from .parquet_pages import (
    DELTA_BYTE_ARRAY,
    Chunk,
    DamagedParquetError,
    Page,
    longest_value,
    read_pages,
)
from .row_size import MAX_DECODED_BYTES, MAX_ROW_BYTES

if TYPE_CHECKING:
    import pyarrow.parquet as pq

MAX_PAGE_BYTES = 1 << 30
"""The largest page that is decompressed, in bytes; writers make pages of about 1 MiB."""
VALUE_BYTES = 16
"""What a value takes besides its text: number or offset, levels and validity."""
FEW_ROWS = 16
"""With fewer rows at once than this, dictionaries are looked into for their longest text."""
WORTH_LOOKING = 4
"""They are looked into as well where the row group is this many times as large as they are."""


@dataclass(frozen=True)
class LeafPages:
    """The pages of one column without parts, in one row group."""

    leaf: pq.ColumnSchema
    compression: int
    values_per_row: int
    """The average, rounded up; 1 unless the column is in a list."""
    pages: list[Page]

    @property
    def dictionary_pages(self) -> list[Page]:
        """The pages that hold dictionaries; at most one in a valid file."""
        return [page for page in self.pages if page.is_dictionary]

    def repeated_bytes(self, data: mmap.mmap | None) -> int:
        """The most bytes of a value that takes less in the file.

        Args:
            data: The file, to look for the longest text of a dictionary; None to take the
                size of the whole dictionary.

        Returns:
            The size; 0 where each value is stored in full.
        """
        if self.leaf.physical_type == "FIXED_LEN_BYTE_ARRAY":
            return int(self.leaf.length)
        if self.leaf.physical_type != "BYTE_ARRAY":
            return 0
        sizes = [0]
        for page in self.pages:
            if page.is_dictionary and data is not None:
                sizes.append(longest_value(data, page, self.compression))
            elif page.is_dictionary or page.encoding == DELTA_BYTE_ARRAY:
                sizes.append(page.decoded_size)
        return max(sizes)

    def row_bytes(self, data: mmap.mmap | None) -> int:
        """The most bytes that an average row takes beyond what it takes in the file.

        Args:
            data: The file or None, as for `repeated_bytes`.

        Returns:
            The size of all its values.
        """
        return self.values_per_row * (self.repeated_bytes(data) + VALUE_BYTES)


def rows_at_once(
    name: str,
    data: mmap.mmap,
    file: pq.ParquetFile,
    chunks: list[Chunk],
    group: int,
    columns: list[str],
) -> int:
    """Tell how many rows of a row group may be decoded at once.

    Args:
        name: How messages call the file.
        data: The file.
        file: The same file, opened by pyarrow.
        chunks: The column chunks of the row group.
        group: Its number.
        columns: The columns that are read.

    Returns:
        The rows, at least 1, so that their values take at most `MAX_DECODED_BYTES` beyond their
        size in the file. Of lists the average length counts.

    Raises:
        DatasetUnreadable: A page header is damaged, or a page or an average row is too large.
    """
    leaves = [
        _leaf_pages(name, data, file, chunks[index], group, index)
        for index in range(len(file.schema))
        if _is_in(file.schema.column(index).path, columns)
    ]
    row_bytes = sum(leaf.row_bytes(None) for leaf in leaves)
    dictionaries = sum(page.decoded_size for leaf in leaves for page in leaf.dictionary_pages)
    pages = sum(page.decoded_size for leaf in leaves for page in leaf.pages)
    if row_bytes * FEW_ROWS > MAX_DECODED_BYTES or dictionaries * WORTH_LOOKING < pages:
        row_bytes = sum(leaf.row_bytes(data) for leaf in leaves)
    if row_bytes > MAX_ROW_BYTES:
        largest = max(leaves, key=lambda leaf: leaf.row_bytes(data))
        raise DatasetUnreadable(
            f"{name}, row group {group}: a row may take {row_bytes >> 20} MiB in memory, more than "
            f"{MAX_ROW_BYTES >> 20} MiB; in the column {largest.leaf.path[:60]!r} it has "
            f"{largest.values_per_row} values of up to {largest.repeated_bytes(data)} bytes. Split "
            "such rows; if they are smaller, write the file without dictionaries, with pyarrow by "
            "use_dictionary=False"
        )
    return max(1, MAX_DECODED_BYTES // max(1, row_bytes))


def _leaf_pages(
    name: str, data: mmap.mmap, file: pq.ParquetFile, chunk: Chunk, group: int, index: int
) -> LeafPages:
    leaf = file.schema.column(index)
    rows = file.metadata.row_group(group).num_rows
    try:
        pages = list(read_pages(data, chunk))
    except DamagedParquetError as problem:
        raise DatasetUnreadable(
            f"{name} is damaged: {problem}, in the column {leaf.path[:60]!r}; copy it again"
        ) from None
    for page in pages:
        if page.decoded_size > MAX_PAGE_BYTES:
            raise DatasetUnreadable(
                f"{name}, row group {group}: a page of the column {leaf.path[:60]!r} has "
                f"{page.decoded_size >> 20} MiB, more than {MAX_PAGE_BYTES >> 20} MiB; write the "
                "file with smaller row groups"
            )
    values = sum(page.values for page in pages if not page.is_dictionary)
    per_row = -(-values // max(1, rows)) if leaf.max_repetition_level else 1
    return LeafPages(leaf, chunk.compression, per_row, pages)


def _is_in(path: str, columns: list[str]) -> bool:
    """Whether pyarrow reads a leaf for one of the columns; it takes a dot for a level of nesting."""
    return any(path == column or path.startswith(f"{column}.") for column in columns)
