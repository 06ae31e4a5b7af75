"""Names of fields and elements inside a column, such as `input.messages` and `output.0`.

A column with that very name has precedence. Only one level is read; deeper data must be flattened.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

SEPARATOR = "."


def split_path(name: str) -> tuple[str, str] | None:
    """Split a name into column and field.

    Args:
        name: A name of `columnMapping`.

    Returns:
        The column and the field or index in it; None where the name has no separator inside.
    """
    column, separator, field = name.partition(SEPARATOR)
    return (column, field) if separator and column and field else None


def root_column(name: str, columns: Sequence[str] | Mapping[str, Any]) -> str:
    """Give the column that must be read for a name.

    Args:
        name: A name of `columnMapping`.
        columns: The columns of the file.

    Returns:
        The name itself where it is a column, else the column of its path.
    """
    path = split_path(name)
    return name if path is None or name in columns else path[0]


def element_index(field: str) -> int | None:
    """Read a field as an index.

    Args:
        field: The part of a path after the column.

    Returns:
        The index from 0; None where the field is no number.
    """
    return int(field) if field.isascii() and field.isdecimal() and len(field) < 4 else None


def value_at(row: Mapping[str, Any], name: str) -> Any:
    """Read a value of a row.

    Args:
        row: The row, by column.
        name: A column, or a path into one.

    Returns:
        The value; None where the row does not have it.
    """
    if name in row or (path := split_path(name)) is None:
        return row.get(name)
    value, index = row.get(path[0]), element_index(path[1])
    if isinstance(value, Mapping):
        return value.get(path[1])
    if isinstance(value, list) and index is not None and index < len(value):
        return value[index]
    return None


def with_fields(batch: pa.RecordBatch, names: Sequence[str]) -> pa.RecordBatch | None:
    """Add fields inside columns to a batch as columns of their own.

    Args:
        batch: The rows.
        names: Columns and paths.

    Returns:
        The batch with a column for each path of `names` whose column is an object; None where a path
        leads into a list, which must be read row by row.
    """
    present = set(batch.schema.names)
    for name in names:
        path = split_path(name)
        if name in present or path is None or path[0] not in present:
            continue
        column = batch.column(path[0])
        if not pa.types.is_struct(column.type):
            return None
        if column.type.get_field_index(path[1]) >= 0:
            batch = batch.append_column(name, pc.struct_field(column, [path[1]]))
    return batch
