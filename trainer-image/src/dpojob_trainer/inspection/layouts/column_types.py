"""The kind of each column, from types where the file has them and from values where it does not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import pyarrow as pa

from dpojob_trainer.shared.errors import DatasetUnreadable
from dpojob_trainer.shared.rows.messages import ROLE_KEYS
from dpojob_trainer.shared.rows.row_batch import RowBatch

from .arrow_text import is_list, is_text
from .column_path import SEPARATOR, root_column, split_path

ColumnKind = Literal["text", "messages", "number", "other", "null"]
Schema = Mapping[str, ColumnKind]
"""The kind of each column, over the rows seen so far."""

MOST_COLUMNS = 10_000
MOST_FIELDS = 64
"""Fields of an object; with more, its keys may be ids."""
MOST_PATHS = 1_000
"""Paths into columns that are remembered."""
EXAMINED_ROWS = 512
"""Rows of a batch whose values are examined where the file declares no types."""


def kinds_of(batch: RowBatch) -> dict[str, ColumnKind]:
    """Find the kinds of a batch's columns, and of the fields and elements inside them.

    Args:
        batch: The batch; of objects only the first `EXAMINED_ROWS` are examined.

    Returns:
        The kind of each column, "null" where only nulls were seen; then those of paths such as
        `input.messages` and `output.0`.
    """
    kinds: dict[str, ColumnKind] = dict.fromkeys(batch.columns, "null")
    inside: dict[str, ColumnKind] = {}
    if batch.record_batch is not None:
        for field in batch.record_batch.schema:
            kinds[field.name] = _arrow_kind(field.type)
            _merge_fields(inside, field.name, _arrow_fields(field.type))
    else:
        for row in (batch.objects or ())[:EXAMINED_ROWS]:
            for name, value in row.items():
                if value is not None and kinds[name] == "null":
                    kinds[name] = _value_kind(value)
                if isinstance(value, dict | list):
                    _merge_fields(inside, name, _value_fields(value))
    return kinds | {name: kind for name, kind in inside.items() if name not in kinds}


def _merge_fields(
    inside: dict[str, ColumnKind], column: str, fields: Mapping[str, ColumnKind]
) -> None:
    """Add the fields of a column, unless its objects have many keys, which may be ids."""
    if len(fields) > MOST_FIELDS or len(inside) > MOST_PATHS:
        return
    for field, kind in fields.items():
        name = f"{column}{SEPARATOR}{field}"
        if inside.get(name, "null") == "null":
            inside[name] = kind


def columns_of(schema: Schema) -> list[str]:
    """List the columns of a schema, without the paths into them.

    Args:
        schema: Columns and paths.

    Returns:
        The columns in order.
    """
    return [name for name in schema if (path := split_path(name)) is None or path[0] not in schema]


def merge(known: dict[str, ColumnKind], more: Mapping[str, ColumnKind]) -> None:
    """Add what a further batch shows: new columns, and kinds where only nulls were seen.

    Args:
        known: The kinds so far, which are updated.
        more: The kinds of the batch.

    Raises:
        DatasetUnreadable: There are more than `MOST_COLUMNS` columns, as where ids are used as keys.
    """
    room = MOST_PATHS - (len(known) - len(columns_of(known)))
    for name, kind in more.items():
        if name not in known and root_column(name, ()) in more and split_path(name):
            room -= 1
            if room < 0:
                continue
        if known.get(name, "null") == "null":
            known[name] = kind
    if len(known) > MOST_COLUMNS and len(columns := columns_of(known)) > MOST_COLUMNS:
        raise DatasetUnreadable(
            f"the rows have more than {MOST_COLUMNS:,} different columns, such as "
            f"{columns[-1][:60]!r}: ids or other values seem to be used as keys. Put them "
            "into a column of their own"
        )


def _arrow_kind(kind: pa.DataType) -> ColumnKind:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    if is_text(kind):
        return "text"
    if is_list(kind):
        value = kind.value_type
        if pa.types.is_null(value):
            return "null"  # Lists that are all empty.
        return "messages" if pa.types.is_struct(value) else "other"
    if pa.types.is_struct(kind) and {field.name for field in kind} & {*ROLE_KEYS}:
        return "messages"
    if pa.types.is_null(kind):
        return "null"
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return "number"
    return "other"


def _value_kind(value: Any) -> ColumnKind:
    if isinstance(value, str):
        return "text"
    if isinstance(value, list):
        if not value:
            return "null"
        return "messages" if isinstance(value[0], dict) else "other"
    if isinstance(value, dict) and value.keys() & {*ROLE_KEYS}:
        return "messages"
    if isinstance(value, int | float) and not isinstance(value, bool):
        return "number"
    return "other"


def _arrow_fields(kind: pa.DataType) -> dict[str, ColumnKind]:
    """The kinds inside a column: those of an object's fields, or of the two answers in a list of texts."""
    if pa.types.is_struct(kind):
        return {field.name: _arrow_kind(field.type) for field in kind}
    if is_list(kind) and is_text(kind.value_type):
        return {"0": "text", "1": "text"}
    return {}


def _value_fields(value: dict[str, Any] | list[Any]) -> dict[str, ColumnKind]:
    if isinstance(value, dict):
        return {
            str(name): "null" if item is None else _value_kind(item) for name, item in value.items()
        }
    if len(value) >= 2 and all(isinstance(item, str) for item in value):
        return {"0": "text", "1": "text"}
    return {}
