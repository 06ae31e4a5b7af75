"""The values of a row before they are read: present, and text or lists; tools as JSON has them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from dpojob_api.report import ProblemCode
from dpojob_trainer.inspection.columns.column_layout import Layout
from dpojob_trainer.shared.messages import is_unicode, kind, plain
from dpojob_trainer.shared.row_error import Fault

from .stringified_messages import is_written_list

AS_LISTS = (
    "write lists, not their text: json.loads (or ast.literal_eval) each value, and store the rows as "
    "JSON Lines or Parquet"
)
TOOLS = "tools must be a list of tool schemas, as objects or as JSON text"


def wrong_kind(layout: Layout, values: Mapping[str, Any]) -> Fault | None:
    """Nulls, and values that are neither text nor lists, before anything is read from them."""
    for field in ("chosen", "rejected", "prompt"):
        name = layout.name(field)
        if name is None:
            continue
        value = values.get(field)
        if value is None:
            return Fault(ProblemCode.NULL_VALUE, f"{name} is null")
        if isinstance(value, str):
            if not is_unicode(value):
                return _half(name)
        elif isinstance(value, bytes):
            return _bytes(name, value)
        elif not isinstance(value, list):
            return Fault(ProblemCode.WRONG_TYPE, f"{name} is {kind(value)}")
    system = values.get("system")
    if isinstance(system, str) and not is_unicode(system):
        return _half(layout.name("system"))
    if system is not None and not isinstance(system, str):
        return Fault(
            ProblemCode.WRONG_TYPE,
            f"{layout.name('system')} is {kind(system)}",
            "a system prompt must be text",
        )
    if isinstance(values["chosen"], str) != isinstance(values["rejected"], str):
        return Fault(
            ProblemCode.AMBIGUOUS_FORMAT,
            f"{layout.name('chosen')} is {kind(values['chosen'])} and "
            f"{layout.name('rejected')} is {kind(values['rejected'])}",
        )
    return _as_text(layout, values)


def _as_text(layout: Layout, values: Mapping[str, Any]) -> Fault | None:
    """Message lists in text. One answer alone may be such a list itself, where JSON is asked for."""
    lists = [
        field
        for field in ("chosen", "rejected", "prompt")
        if isinstance(value := values.get(field), str) and is_written_list(value, layout.dialect)
    ]
    if "prompt" not in lists and len(lists) < 2:
        return None
    return Fault(
        ProblemCode.WRONG_TYPE,
        f"{layout.name(lists[0])} is a message list written as text",
        AS_LISTS,
    )


def _half(name: str | None) -> Fault:
    way = "a character was cut in two there; write these rows again, or remove them"
    return Fault(ProblemCode.WRONG_TYPE, f"{name} holds half a surrogate pair", way)


def _bytes(name: str, value: bytes) -> Fault:
    """Of a binary column; of a text column where it is not UTF-8, for which `Chunk` has b""."""
    if not value:
        return Fault(ProblemCode.WRONG_TYPE, f"{name} is not UTF-8 text")
    way = "write the column as text (a string column), not as binary"
    return Fault(ProblemCode.WRONG_TYPE, f"{name} is bytes, not text", way)


def read_tools(layout: Layout, value: Any) -> list[Any] | Fault | None:
    """Tool schemas, of objects or of JSON text; None where there are none."""
    if isinstance(value, str):
        if not value.strip():
            return None
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return Fault(ProblemCode.WRONG_TYPE, f"{layout.name('tools')} is not JSON", TOOLS)
        if value is None:
            return None
    if isinstance(value, list) and all(isinstance(tool, Mapping) for tool in value):
        if not is_unicode(json.dumps(value, ensure_ascii=False, default=str)):
            return _half(layout.name("tools"))
        return plain(value) or None
    return Fault(
        ProblemCode.WRONG_TYPE, f"{layout.name('tools')} is not a list of tool schemas", TOOLS
    )
