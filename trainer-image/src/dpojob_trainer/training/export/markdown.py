"""Escapes text for the model card, so that Markdown shows it unchanged."""

from __future__ import annotations

from markupsafe import Markup

ACTIVE = "&<>|`\\*[]"
"""Characters with a meaning in Markdown, also within a word."""
LINE_ENDS = "\r\n"


def escaped(text: object) -> Markup:
    """The text, escaped, with a space for each line end."""
    signs = (
        f"&#{ord(sign)};" if sign in ACTIVE else " " if sign in LINE_ENDS else sign
        for sign in str(text)
    )
    return Markup("".join(signs))


def plain(text: object) -> Markup:
    """The text on one line without repeated spaces, escaped."""
    return escaped(" ".join(str(text).split()))


def code(text: object) -> Markup:
    """The text on one line, as inline code."""
    line = " ".join(str(text).split())
    return Markup(f"<code>{plain(line)}</code>" if set(line) & set("`|") else f"`{line}`")
