"""Lists of messages or texts that were stored as text: by JSON, by Python, or by pandas in a CSV file."""

from __future__ import annotations

import ast
import json
import re
import warnings
from collections.abc import Mapping
from typing import Any

from dpojob_trainer.shared.rows.messages import (
    COMMON_KEYS,
    COMMON_ROLES,
    OTHER_ROLES,
    MessageKeyMapping,
)

BEGINNING = "[{"
"""How all of them begin; `TextColumn.visible` leaves such text to `normalize_row`."""
TEXTS_BEGINNING = ("['", '["')
"""The same of a list of texts."""
MAX_PYTHON_CHARACTERS = 1 << 20
"""Characters; Python's own parser takes some hundred bytes for each."""
OBJECTS_ON_TWO_LINES = re.compile(r"\}[^\S\n]*\n\s*\{")
"""Linear: no line end can match before the `\\n`. `\\s*\\n\\s*` would try every line end of a run of them."""
ROLES = {
    "user",
    "assistant",
    "system",
    *OTHER_ROLES,
    *(n for names in COMMON_ROLES.values() for n in names),
}
KEYS = (("role", "content"), *COMMON_KEYS)


def is_stringified_list(text: str, message_keys: MessageKeyMapping) -> bool:
    """Tell whether a text is a message list that was stored as text.

    Args:
        text: Any text.
        message_keys: The keys and roles of the dataset; those common in other data count too.

    Returns:
        Whether it is a list of messages, each with a known role.
    """
    if not text.startswith(BEGINNING):
        return False
    value = _parsed(text)
    return isinstance(value, list) and all(_is_message(item, message_keys) for item in value)


def is_stringified_texts(text: str) -> bool:
    """Tell whether a text is a list of texts that was stored as text, as in lmsys/arena-human-preference-55k.

    Args:
        text: Any text.

    Returns:
        Whether it is a list with texts, and perhaps nulls, alone.
    """
    if not text.startswith(TEXTS_BEGINNING):
        return False
    value = _parsed(text)
    return isinstance(value, list) and all(item is None or isinstance(item, str) for item in value)


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        pass
    if len(text) > MAX_PYTHON_CHARACTERS:
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about backslashes in the text
            # numpy writes no commas between the objects of an array.
            return ast.literal_eval(OBJECTS_ON_TWO_LINES.sub("}, {", text))
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
