"""Text of others in the model card: shown as it is, whatever Markdown would make of it."""

from __future__ import annotations

ACTIVE = "&<>|`\\*[]"
"""Characters that begin something in Markdown, also within a word."""


def plain(text: object) -> str:
    """As it reads, on one line."""
    line = " ".join(str(text).split())
    return "".join(f"&#{ord(sign)};" if sign in ACTIVE else sign for sign in line)


def code(text: object) -> str:
    """The same, as code."""
    line = " ".join(str(text).split())
    return f"<code>{plain(line)}</code>" if set(line) & set("`|") else f"`{line}`"
