"""Text of unknown origin, made safe and short to show."""

from __future__ import annotations

import json
import unicodedata

_NAMED = {"\n": "\\n", "\r": "\\r", "\t": "\\t", "\\": "\\\\"}


def visible(text: str) -> str:
    """Control, format and surrogate characters as escapes, so that no text can steer a terminal."""
    return "".join(_escape(character) for character in text)


def _escape(character: str) -> str:
    if character in _NAMED:
        return _NAMED[character]
    if unicodedata.category(character) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"):
        code = ord(character)
        return (
            f"\\x{code:02x}"
            if code < 256
            else f"\\u{code:04x}"
            if code < 65536
            else f"\\U{code:08x}"
        )
    return character


def show_value(value: object, limit: int = 80) -> str:
    """Any value of a dataset: text as it is, in quotes when it is blank, the rest as JSON."""
    if isinstance(value, str):
        return shorten(value, limit) if value.strip() else f'"{shorten(value, limit)}"'
    return shorten(json.dumps(value, ensure_ascii=False, default=repr), limit)


def shorten(text: str, limit: int = 80) -> str:
    """Visible text of at most `limit` characters; the middle of a longer one is left out."""
    if len(text) > 4 * limit:  # Not a megabyte through `visible` for eighty characters.
        text = text[: 2 * limit] + "…" + text[-2 * limit :]
    text = visible(text)
    if len(text) <= limit:
        return text
    tail = limit // 3
    return text[: limit - tail - 1] + "…" + text[-tail:]
