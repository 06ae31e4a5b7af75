"""Message lists that were stored as text: by JSON, by Python, or by pandas in a CSV file."""

from __future__ import annotations

import ast
import json
import re
import warnings
from collections.abc import Mapping
from typing import Any

from dpojob_trainer.shared.messages import COMMON_KEYS, COMMON_ROLES, OTHER_ROLES, MessageKeyMapping

BEGINNING = "[{"
"""How all of them begin; `columns.Texts.visible` leaves such text to the judge."""
LONGEST_PYTHON = 1 << 20
"""Characters; Python's own parser takes some hundred bytes for each."""
ROLES = {
    "user",
    "assistant",
    "system",
    *OTHER_ROLES,
    *(n for names in COMMON_ROLES.values() for n in names),
}
KEYS = (("role", "content"), *COMMON_KEYS)


def is_stringified_list(text: str, message_keys: MessageKeyMapping) -> bool:
    """Whether the text is a list of messages, each with a role as this or other data spell it."""
    if not text.startswith(BEGINNING):
        return False
    value = _parsed(text)
    return isinstance(value, list) and all(_is_message(item, message_keys) for item in value)


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        pass
    if len(text) > LONGEST_PYTHON:
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of backslashes in somebody's text
            # numpy writes no commas between the objects of an array.
            return ast.literal_eval(re.sub(r"\}\s*\n\s*\{", "}, {", text))
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
        return None


def _is_message(item: Any, message_keys: MessageKeyMapping) -> bool:
    if not isinstance(item, Mapping):
        return False
    for role, content in ((message_keys.role, message_keys.content), *KEYS):
        if role in item and (content in item or "tool_calls" in item):
            name = str(item[role])
            return name in message_keys.roles or name.lower() in ROLES
    return False
