"""Bounds the number of JSON values before they become Python objects.

An empty list takes two bytes in a file and about 60 in memory, so that the size of a text alone bounds
nothing.
"""

from __future__ import annotations

import re

MAX_ROW_VALUES = 1 << 20
"""The most values of a row, those inside other values included; as objects they take about 100 MiB."""
MAX_DOCUMENT_VALUES = 8 << 20
"""The most values of a file that is one JSON object and is parsed as a whole."""
_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+"', re.DOTALL)


def has_more_values(text: bytes, limit: int) -> bool:
    """Tell whether a JSON text has more values than allowed.

    Args:
        text: The text; it need not be valid.
        limit: The most values.

    Returns:
        Whether commas and opening brackets outside strings, of which each precedes at most one value,
        are more than `limit`.
    """
    return _separators(text) > limit and _separators(_STRING.sub(b"", text)) > limit


def _separators(text: bytes) -> int:
    return text.count(b",") + text.count(b"[") + text.count(b"{")
