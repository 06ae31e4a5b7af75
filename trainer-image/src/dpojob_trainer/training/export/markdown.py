"""Escapes text for the model card, so that Markdown shows it unchanged."""

from __future__ import annotations

ACTIVE = "&<>|`\\*[]"
"""Characters with a meaning in Markdown, also within a word."""


def plain(text: object) -> str:
    """The text on one line, escaped."""
    line = " ".join(str(text).split())
    return "".join(f"&#{ord(sign)};" if sign in ACTIVE else sign for sign in line)


def code(text: object) -> str:
    """The text on one line, as inline code."""
    line = " ".join(str(text).split())
    return f"<code>{plain(line)}</code>" if set(line) & set("`|") else f"`{line}`"
