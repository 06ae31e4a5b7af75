"""Escapes and shortens text of unknown origin before it is printed on a terminal."""

from __future__ import annotations

import json
import unicodedata

_SHORT_ESCAPES = {"\n": "\\n", "\r": "\\r", "\t": "\\t", "\\": "\\\\"}


def escape(text: str) -> str:
    """Escapes control, format, surrogate, private and unassigned characters.

    What remains cannot move the cursor, change colours or reverse the direction of a line.

    Args:
        text: Any text.

    Returns:
        The text with those characters as backslash escapes; a backslash is doubled.
    """
    return "".join(_escape_character(character) for character in text)


def escape_controls(text: str) -> str:
    """Escapes the same characters, without line ends, tabs and backslashes.

    Args:
        text: Any text, such as a message of several lines.

    Returns:
        The text with those characters as backslash escapes.
    """
    return "".join(
        character if character in "\n\t\\" else _escape_character(character) for character in text
    )


def _escape_character(character: str) -> str:
    if character in _SHORT_ESCAPES:
        return _SHORT_ESCAPES[character]
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


def format_value(value: object, limit: int = 80) -> str:
    """Formats a value of a dataset for one line.

    Args:
        value: Text, which stays as it is and is quoted when blank; or another value, shown as JSON.
        limit: The most characters to show, quotes not counted.

    Returns:
        Escaped text on one line.
    """
    if isinstance(value, str):
        return shorten(value, limit) if value.strip() else f'"{shorten(value, limit)}"'
    return shorten(json.dumps(value, ensure_ascii=False, default=repr), limit)


def shorten(text: str, limit: int = 80) -> str:
    """Escapes a text and leaves out the middle of one that is too long.

    Args:
        text: Any text.
        limit: The most characters of the result.

    Returns:
        Escaped text of at most `limit` characters.
    """
    if len(text) > 4 * limit:  # Escaping a megabyte to show eighty characters would be slow.
        text = text[: 2 * limit] + "…" + text[-2 * limit :]
    text = escape(text)
    if len(text) <= limit:
        return text
    tail = limit // 3
    return text[: limit - tail - 1] + "…" + text[-tail:]
