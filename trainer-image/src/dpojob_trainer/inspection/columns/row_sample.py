"""A few rows, which tell columns apart that names and types leave alike."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from dpojob_trainer.inspection.layouts import value_at
from dpojob_trainer.shared.rows.messages import ROLE_KEYS

Sample = Sequence[Mapping[str, Any]]

MAX_SAMPLED_ROWS = 256
MAX_CHARACTERS = 1 << 16
"""Characters kept of a text."""
MIN_TELLING_CHARACTERS = 4
"""A text with fewer characters may occur in another text by chance."""
MAX_ITEMS = 3
"""Items kept of a list: its first one and its last ones."""
MAX_DEPTH = 5
"""Levels kept of a value, as of a list of messages with lists of candidates of lists of parts."""
MAX_REPETITION = 4
"""Prompts repeat at most so often on average; a column of labels repeats more often."""


def clipped(rows: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Limit what is kept of sampled rows.

    Args:
        rows: Rows with all their columns.

    Returns:
        The rows with long texts clipped, and of lists the first item and the last ones.
    """
    return [{name: _clip(value) for name, value in row.items()} for row in rows]


def _clip(value: Any, depth: int = MAX_DEPTH) -> Any:
    if isinstance(value, str):
        return value[:MAX_CHARACTERS]
    if not depth:
        return None
    if isinstance(value, list):
        if len(value) > MAX_ITEMS:
            value = [*value[:1], *value[1 - MAX_ITEMS :]]
        return [_clip(item, depth - 1) for item in value]
    if isinstance(value, Mapping):
        # Nothing asks for the numbers of an object.
        kept = (str, list, Mapping)
        return {
            key: _clip(item, depth - 1) for key, item in value.items() if isinstance(item, kept)
        }
    return value if isinstance(value, bool | int | float) else None


def texts(rows: Sample, column: str) -> list[str]:
    """Give the texts of a column, without blank ones.

    Args:
        rows: The sample.
        column: The column's name.

    Returns:
        The texts in order.
    """
    return [text for row in rows if isinstance(text := row.get(column), str) and text.strip()]


def reads_like_prompts(rows: Sample, column: str) -> bool:
    """Tell whether a column's texts may be prompts.

    Args:
        rows: The sample.
        column: The column's name.

    Returns:
        Whether the texts differ from row to row and most have more than one word.
    """
    found = texts(rows, column)
    worded = sum(1 for text in found if len(text.split()) > 1 or not text.isascii())
    return worded * 2 > len(found) and len(set(found)) * MAX_REPETITION >= len(found)


def is_inside(rows: Sample, column: str, others: Sequence[str]) -> bool:
    """Tell whether a column repeats what other columns hold.

    Args:
        rows: The sample.
        column: The column's name.
        others: The other columns' names.

    Returns:
        Whether most of its texts occur in those of all the others, in the same row.
    """
    having = [row for row in rows if isinstance(row.get(column), str) and row[column].strip()]
    inside = sum(
        1
        for row in having
        if len(text := row[column].strip()) >= MIN_TELLING_CHARACTERS
        and (held := [value for name in others if (value := value_at(row, name)) is not None])
        and all(text in str(value) for value in held)
    )
    return inside * 2 > len(having)


def has_role(rows: Sample, column: str, roles: Sequence[str], at: int) -> bool:
    """Tell whether message lists have a message of certain roles at a position.

    Args:
        rows: The sample.
        column: The name of a column of message lists, or of single messages.
        roles: Lower-case names of roles.
        at: The position in each list: 0 for its first message, -1 for its last.

    Returns:
        Whether most of the lists that are not empty do.
    """
    messages = [
        value[at] if isinstance(value, list) else value
        for row in rows
        if (value := row.get(column))
    ]
    found = sum(
        1
        for message in messages
        if isinstance(message, Mapping)
        and any(str(message.get(key)).lower() in roles for key in ROLE_KEYS)
    )
    return found * 2 > len(messages)
