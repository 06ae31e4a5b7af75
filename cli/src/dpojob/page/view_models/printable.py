"""Text of unknown origin without characters that disguise it."""

from __future__ import annotations

import re
from typing import Any

_DISGUISES = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]"
)
"""Control characters but tab and line feed, those that are invisible or reverse the direction of text,
and halves of surrogate pairs. Joiners of emoji and of scripts stay."""


def printable(value: Any) -> Any:
    r"""Replaces characters that a browser would obey or hide by their codes, in every text of a value.

    HTML is not escaped: the page only ever inserts text as text.

    Args:
        value: A JSON value.

    Returns:
        A copy with such characters as "\u202e".
    """
    if isinstance(value, str):
        return _DISGUISES.sub(lambda found: f"\\u{ord(found[0]):04x}", value)
    if isinstance(value, dict):
        return {printable(key): printable(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [printable(inner) for inner in value]
    return value
