"""Checks of a row's values before messages are read: present, text or lists; tools as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from dpojob_api.report import ProblemCode
from dpojob_trainer.inspection.layouts import ColumnLayout
from dpojob_trainer.shared.rows.messages import describe_type, is_unicode, without_nulls
from dpojob_trainer.shared.rows.preference_pair import PAIR_FIELDS
from dpojob_trainer.shared.rows.row_error import RowError

from .stringified_messages import is_stringified_list, is_stringified_texts

LISTS_REMEDY = (
    "write lists, not their text: json.loads (or ast.literal_eval) each value, and store the rows as "
    "JSON Lines or Parquet"
)
TEXTS_REMEDY = (
    "write the text itself: json.loads each value and take its only element, or, of several, write the turns as "
    "messages (role and content)"
)
TOOLS_REMEDY = "tools must be a list of tool schemas, as objects or as JSON text"


def find_invalid_value(layout: ColumnLayout, values: Mapping[str, Any]) -> RowError | None:
    """Find a value of a type that cannot be read.

    Args:
        layout: How the dataset's columns are read.
        values: The row's values by field.

    Returns:
        The first error: a null, a value that is neither text nor a list, text and list mixed, or
        message lists that were stored as text; None where there is none.
    """
    for field in ("chosen", "rejected", "prompt"):
        name = layout.name(field)
        if name is None:
            continue
        value = values.get(field)
        if value is None:
            return RowError(ProblemCode.NULL_VALUE, f"{name} is null")
        if isinstance(value, str):
            if not is_unicode(value):
                return _unpaired_surrogate(name)
        elif isinstance(value, bytes):
            return _bytes(name, value)
        elif not isinstance(value, list):
            return RowError(ProblemCode.WRONG_TYPE, f"{name} is {describe_type(value)}")
    system = values.get("system")
    if isinstance(system, str) and not is_unicode(system):
        return _unpaired_surrogate(layout.name("system"))
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
    return _find_stringified(layout, values)


def _find_stringified(layout: ColumnLayout, values: Mapping[str, Any]) -> RowError | None:
    """The error of message lists in text; one answer alone may be a list, where JSON was requested."""
    lists = [
        field
        for field in ("chosen", "rejected", "prompt")
        if isinstance(value := values.get(field), str)
        and is_stringified_list(value, layout.message_keys)
    ]
    if "prompt" not in lists and len(lists) < 2:
        # All three, since a list may be what the prompt asks for.
        texts = [values.get(field) for field in PAIR_FIELDS]
        if all(isinstance(text, str) and is_stringified_texts(text) for text in texts):
            return RowError(
                ProblemCode.WRONG_TYPE,
                f"{layout.name('chosen')} is a list of texts written as text, and so is the prompt",
                TEXTS_REMEDY,
            )
        return None
    return RowError(
        ProblemCode.WRONG_TYPE,
        f"{layout.name(lists[0])} is a message list written as text",
        LISTS_REMEDY,
    )


def _unpaired_surrogate(name: str | None) -> RowError:
    remedy = "a character was cut in two there; write these rows again, or remove them"
    return RowError(ProblemCode.WRONG_TYPE, f"{name} holds half a surrogate pair", remedy)


def _bytes(name: str, value: bytes) -> RowError:
    """The error of a binary column, or of text that is not UTF-8, for which `RowBatch` has b""."""
    if not value:
        return RowError(ProblemCode.WRONG_TYPE, f"{name} is not UTF-8 text")
    remedy = "write the column as text (a string column), not as binary"
    return RowError(ProblemCode.WRONG_TYPE, f"{name} is bytes, not text", remedy)


def read_tools(layout: ColumnLayout, value: Any) -> list[Any] | RowError | None:
    """Read tool schemas.

    Args:
        layout: How the dataset's columns are read.
        value: A list of objects, or JSON text of one.

    Returns:
        The schemas; None where there are none; the error where the value is something else.
    """
    if isinstance(value, str):
        if not value.strip():
            return None
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return RowError(
                ProblemCode.WRONG_TYPE, f"{layout.name('tools')} is not JSON", TOOLS_REMEDY
            )
        if value is None:
            return None
    if isinstance(value, list) and all(isinstance(tool, Mapping) for tool in value):
        if not is_unicode(json.dumps(value, ensure_ascii=False, default=str)):
            return _unpaired_surrogate(layout.name("tools"))
        return without_nulls(value) or None
    return RowError(
        ProblemCode.WRONG_TYPE,
        f"{layout.name('tools')} is not a list of tool schemas",
        TOOLS_REMEDY,
    )
