"""The values of a row before they are read: present, and text or lists; tools as JSON has them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from dpojob_api.report import ProblemCode
from dpojob_trainer.inspection.columns import ColumnLayout
from dpojob_trainer.shared.messages import describe_type, is_unicode, without_nulls
from dpojob_trainer.shared.row_error import RowError

from .stringified_messages import is_stringified_list

AS_LISTS = (
    "write lists, not their text: json.loads (or ast.literal_eval) each value, and store the rows as "
    "JSON Lines or Parquet"
)
TOOLS = "tools must be a list of tool schemas, as objects or as JSON text"


def find_invalid_value(layout: ColumnLayout, values: Mapping[str, Any]) -> RowError | None:
    """Nulls, and values that are neither text nor lists, before anything is read from them."""
    for field in ("chosen", "rejected", "prompt"):
        name = layout.name(field)
        if name is None:
            continue
        value = values.get(field)
        if value is None:
            return RowError(ProblemCode.NULL_VALUE, f"{name} is null")
        if isinstance(value, str):
            if not is_unicode(value):
                return _half(name)
        elif isinstance(value, bytes):
            return _bytes(name, value)
        elif not isinstance(value, list):
            return RowError(ProblemCode.WRONG_TYPE, f"{name} is {describe_type(value)}")
    system = values.get("system")
    if isinstance(system, str) and not is_unicode(system):
        return _half(layout.name("system"))
    if system is not None and not isinstance(system, str):
        return RowError(
            ProblemCode.WRONG_TYPE,
            f"{layout.name('system')} is {describe_type(system)}",
            "a system prompt must be text",
        )
    if isinstance(values["chosen"], str) != isinstance(values["rejected"], str):
        return RowError(
            ProblemCode.AMBIGUOUS_FORMAT,
            f"{layout.name('chosen')} is {describe_type(values['chosen'])} and "
            f"{layout.name('rejected')} is {describe_type(values['rejected'])}",
        )
    return _as_text(layout, values)


def _as_text(layout: ColumnLayout, values: Mapping[str, Any]) -> RowError | None:
    """Message lists in text. One answer alone may be such a list itself, where JSON is asked for."""
    lists = [
        field
        for field in ("chosen", "rejected", "prompt")
        if isinstance(value := values.get(field), str)
        and is_stringified_list(value, layout.message_keys)
    ]
    if "prompt" not in lists and len(lists) < 2:
        return None
    return RowError(
        ProblemCode.WRONG_TYPE,
        f"{layout.name(lists[0])} is a message list written as text",
        AS_LISTS,
    )


def _half(name: str | None) -> RowError:
    remedy = "a character was cut in two there; write these rows again, or remove them"
    return RowError(ProblemCode.WRONG_TYPE, f"{name} holds half a surrogate pair", remedy)


def _bytes(name: str, value: bytes) -> RowError:
    """Of a binary column; of a text column where it is not UTF-8, for which `Chunk` has b""."""
    if not value:
        return RowError(ProblemCode.WRONG_TYPE, f"{name} is not UTF-8 text")
    remedy = "write the column as text (a string column), not as binary"
    return RowError(ProblemCode.WRONG_TYPE, f"{name} is bytes, not text", remedy)


def read_tools(layout: ColumnLayout, value: Any) -> list[Any] | RowError | None:
    """Tool schemas, of objects or of JSON text; None where there are none."""
    if isinstance(value, str):
        if not value.strip():
            return None
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return RowError(ProblemCode.WRONG_TYPE, f"{layout.name('tools')} is not JSON", TOOLS)
        if value is None:
            return None
    if isinstance(value, list) and all(isinstance(tool, Mapping) for tool in value):
        if not is_unicode(json.dumps(value, ensure_ascii=False, default=str)):
            return _half(layout.name("tools"))
        return without_nulls(value) or None
    return RowError(
        ProblemCode.WRONG_TYPE, f"{layout.name('tools')} is not a list of tool schemas", TOOLS
    )
