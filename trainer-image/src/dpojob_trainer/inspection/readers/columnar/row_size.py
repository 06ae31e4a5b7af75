"""Splits Arrow batches so that their decoded size is bounded, and refuses rows that are too large.

In dictionaries, runs and views, many rows share one value. Such a batch is small until it is decoded,
as the checks of its texts do.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from dpojob_trainer.shared.errors import DatasetUnreadable, require_unique_columns

BATCH_ROWS = 4096
"""The most rows of a batch."""
MAX_DECODED_BYTES = 128 << 20
"""The most bytes of a batch after decoding, unless one row is larger."""
MAX_ROW_BYTES = 256 << 20
"""The largest row, in bytes, whatever the format."""


def column_names(name: str, schema: pa.Schema) -> list[str]:
    """The names of a file's columns.

    Args:
        name: How messages call the file.
        schema: Its schema.

    Returns:
        The names in the order of the columns.

    Raises:
        InspectionError: Two columns have one name.
    """
    names: list[str] = list(schema.names)
    require_unique_columns(name, names)
    return names


def shares_values(schema: pa.Schema) -> bool:
    """Tell whether rows may share values, in a dictionary, a run or a view.

    Args:
        schema: The schema of the rows.

    Returns:
        Whether a column or a part of one has such a type.
    """
    return any(_is_shared(field.type) for field in schema)


def split_by_size(
    name: str, batch: pa.RecordBatch, first_row: int, most_rows: int
) -> Iterator[pa.RecordBatch]:
    """Split a batch.

    Args:
        name: How messages call the file.
        batch: The batch.
        first_row: The number of its first row in the file, from 0.
        most_rows: The most rows of a part.

    Yields:
        The same rows, in parts of at most `MAX_DECODED_BYTES` or of one row.

    Raises:
        InspectionError: A row is larger than `MAX_ROW_BYTES`.
    """
    for start in range(0, batch.num_rows, most_rows):
        part = batch.slice(start, most_rows)
        shared = sum(_shared_bytes(column) for column in part.columns)
        rows = max(1, min(most_rows, MAX_DECODED_BYTES // max(1, shared)))
        for at in range(0, part.num_rows, rows):
            piece = part.slice(at, rows)
            own = sum(_own_bytes(column) for column in piece.columns)
            if own + shared > MAX_ROW_BYTES:
                _check_rows(name, piece, first_row + start + at)
            yield piece


def _is_shared(kind: pa.DataType) -> bool:
    if isinstance(kind, pa.BaseExtensionType):
        return _is_shared(kind.storage_type)
    return (
        pa.types.is_dictionary(kind)
        or pa.types.is_run_end_encoded(kind)
        or kind in (pa.string_view(), pa.binary_view())
        or pa.types.is_list_view(kind)
        or pa.types.is_large_list_view(kind)
        or any(_is_shared(kind.field(index).type) for index in range(kind.num_fields))
    )


def _check_rows(name: str, batch: pa.RecordBatch, first_row: int) -> None:
    for index in range(batch.num_rows):
        row = batch.slice(index, 1)
        sizes = [_own_bytes(column) + _shared_bytes(column) for column in row.columns]
        if sum(sizes) > MAX_ROW_BYTES:
            column = batch.schema.names[int(np.argmax(sizes))]
            raise DatasetUnreadable(
                f"{name}, row {first_row + index}: {sum(sizes) >> 20} MiB, most of them in the column "
                f"{column[:60]!r}, more than {MAX_ROW_BYTES >> 20} MiB; shorten or remove the row"
            )


def _own_bytes(array: pa.Array) -> int:
    """The bytes that the rows of an array take, without values that rows share."""
    kind = array.type
    if isinstance(array, pa.ExtensionArray):
        return _own_bytes(array.storage)
    if not _is_shared(kind):
        return int(array.nbytes)
    if pa.types.is_struct(kind):
        return sum(_own_bytes(array.field(index)) for index in range(kind.num_fields))
    if isinstance(array, pa.ListArray | pa.LargeListArray | pa.MapArray):
        start, end = array.offsets[0].as_py(), array.offsets[-1].as_py()
        return _own_bytes(array.values.slice(start, end - start))
    return 16 * len(array)


def _shared_bytes(array: pa.Array) -> int:
    """The most bytes that one row of an array may take from values that rows share."""
    kind = array.type
    if not len(array):
        return 0
    if isinstance(array, pa.ExtensionArray):
        return _shared_bytes(array.storage)
    if pa.types.is_dictionary(kind):
        return _longest(array.dictionary)
    if pa.types.is_run_end_encoded(kind):
        return _longest(array.values)
    if kind in (pa.string_view(), pa.binary_view()):
        return _longest(array)
    if pa.types.is_struct(kind):
        return sum(_shared_bytes(array.field(index)) for index in range(kind.num_fields))
    if isinstance(array, pa.ListArray | pa.LargeListArray | pa.MapArray):
        offsets = np.asarray(array.offsets)
        return int(np.diff(offsets).max(initial=0)) * _shared_bytes(array.values)
    if isinstance(array, pa.FixedSizeListArray):
        return int(kind.list_size) * _shared_bytes(array.values)
    if isinstance(array, pa.ListViewArray | pa.LargeListViewArray):
        longest = int(np.asarray(array.sizes).max(initial=0))
        return longest * (_shared_bytes(array.values) + _longest(array.values))
    return 0


def _longest(array: pa.Array) -> int:
    """The most bytes of one value."""
    kind = array.type
    if not len(array):
        return 0
    if kind in (pa.string_view(), pa.binary_view()):
        # A view of 16 bytes begins with the length of its text.
        views = np.frombuffer(array.buffers()[1], np.int32, 4 * len(array), 16 * array.offset)
        return int(views[::4].max(initial=0))
    if pa.types.is_string(kind) or pa.types.is_binary(kind):
        width = 4
    elif pa.types.is_large_string(kind) or pa.types.is_large_binary(kind):
        width = 8
    elif pa.types.is_primitive(kind):
        return 8
    else:
        return int(array.nbytes) + _shared_bytes(array)
    # A file may give the buffer any size from what the offsets take.
    used = np.frombuffer(array.buffers()[1], f"i{width}", len(array) + 1, width * array.offset)
    return int(np.diff(used).max(initial=0))
