"""A few rows, by which columns are told apart that names and types leave alike."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

Sample = Sequence[Mapping[str, Any]]

ROWS = 256
TEXT = 1 << 16
"""Characters kept of a text."""
TELLING = 4
"""Characters that do not occur in another text by accident."""
DISTINCT = 4
"""One in so many values of a column of prompts differs from the others, at least."""


def sampled(rows: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The rows with long texts clipped, and of lists the first item alone."""
    return [{name: _few(value) for name, value in row.items()} for row in rows]


def _few(value: Any) -> Any:
    if isinstance(value, str):
        return value[:TEXT]
    if isinstance(value, list):
        return [_few(item) for item in value[:1]]
    if isinstance(value, Mapping):
        return {key: item[:TEXT] for key, item in value.items() if isinstance(item, str)}
    return None


def texts(rows: Sample, column: str) -> list[str]:
    """The texts of a column, without empty ones."""
    return [text for row in rows if isinstance(text := row.get(column), str) and text.strip()]


def reads_like_prompts(rows: Sample, column: str) -> bool:
    """Whether its texts differ from row to row and are more than a word each."""
    found = texts(rows, column)
    worded = sum(1 for text in found if len(text.split()) > 1 or not text.isascii())
    return worded * 2 > len(found) and len(set(found)) * DISTINCT >= len(found)


def is_inside(rows: Sample, column: str, others: Sequence[str]) -> bool:
    """Whether most of its texts occur in those of all the other columns, in the same row."""
    having = [row for row in rows if isinstance(row.get(column), str) and row[column].strip()]
    inside = sum(
        1
        for row in having
        if len(text := row[column].strip()) >= TELLING
        and all(text in str(row.get(name)) for name in others)
    )
    return inside * 2 > len(having)


def answers_alone(rows: Sample, column: str, roles: Sequence[str]) -> bool:
    """Whether the lists of a column begin with one of these roles' turns, the assistant's."""
    firsts = [row[column][0] for row in rows if isinstance(row.get(column), list) and row[column]]
    alone = sum(
        1
        for first in firsts
        if isinstance(first, Mapping)
        and any(str(first.get(key)).lower() in roles for key in ("role", "from", "speaker"))
    )
    return alone * 2 > len(firsts)
