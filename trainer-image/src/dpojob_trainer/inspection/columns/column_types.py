"""The kind of each column, from types where the file has them and from values where it does not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import pyarrow as pa

from dpojob_trainer.shared.errors import unreadable
from dpojob_trainer.shared.row_batch import RowBatch

from .arrow_text import is_list, is_text

ColumnKind = Literal["text", "messages", "number", "other", "null"]
Schema = Mapping[str, ColumnKind]
"""The kind of each column, over the rows seen so far."""

MOST_COLUMNS = 10_000
EXAMINED_ROWS = 512
"""Rows of a batch whose values are examined where the file declares no types."""


def kinds_of(batch: RowBatch) -> dict[str, ColumnKind]:
    """Find the kinds of a batch's columns.

    Args:
        batch: The batch; of objects only the first `EXAMINED_ROWS` are examined.

    Returns:
        The kind of each column; "null" where only nulls were seen.
    """
    kinds: dict[str, ColumnKind] = dict.fromkeys(batch.columns, "null")
    if batch.record_batch is not None:
        for field in batch.record_batch.schema:
            kinds[field.name] = _arrow_kind(field.type)
    else:
        for row in (batch.objects or ())[:EXAMINED_ROWS]:
            for name, value in row.items():
                if value is not None and kinds[name] == "null":
                    kinds[name] = _value_kind(value)
    return kinds


def merge(known: dict[str, ColumnKind], more: Mapping[str, ColumnKind]) -> None:
    """Add what a further batch shows: new columns, and kinds where only nulls were seen.

    Args:
        known: The kinds so far, which are updated.
        more: The kinds of the batch.

    Raises:
        InspectionError: There are more than `MOST_COLUMNS` columns, as where ids are used as keys.
    """
    for name, kind in more.items():
        if known.get(name, "null") == "null":
            known[name] = kind
    if len(known) > MOST_COLUMNS:
        raise unreadable(
            f"the rows have more than {MOST_COLUMNS:,} different columns, such as "
            f"{next(reversed(known))[:60]!r}: ids or other values seem to be used as keys. Put them "
            "into a column of their own"
        )


def _arrow_kind(kind: pa.DataType) -> ColumnKind:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    if is_text(kind):
        return "text"
    if is_list(kind):
        value = kind.value_type
        return "messages" if pa.types.is_struct(value) or pa.types.is_null(value) else "other"
    if pa.types.is_null(kind):
        return "null"
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return "number"
    return "other"


def _value_kind(value: Any) -> ColumnKind:
    if isinstance(value, str):
        return "text"
    if isinstance(value, list):
        return "messages" if not value or isinstance(value[0], dict) else "other"
    if isinstance(value, int | float) and not isinstance(value, bool):
        return "number"
    return "other"
