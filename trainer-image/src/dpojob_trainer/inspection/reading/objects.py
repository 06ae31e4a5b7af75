"""JSON objects as rows of Python values, one at a time: exact, and able to name what is wrong."""

from __future__ import annotations

import json
from typing import Any

from dpojob_trainer.inspection.errors import CouldNotLook, unreadable

from .chunk import Chunk

OBJECTS = 2048
"""Rows of a chunk."""


def row_of(name: str, text: bytes, line: int) -> dict[str, Any]:
    """The object on a line of JSON Lines. Raises CouldNotLook naming the line."""
    try:
        value = json.loads(text.decode())
    except UnicodeDecodeError as problem:
        raise not_utf8(name, f"line {line}, byte {problem.start + 1}") from None
    except json.JSONDecodeError as problem:
        raise unreadable(
            f"{name}, line {line}, character {problem.colno}: not JSON ({problem.msg}); "
            "each line must hold one whole JSON object"
        ) from None
    except RecursionError:
        raise unreadable(f"{name}, line {line} is nested too deeply") from None
    except ValueError as problem:
        raise unreadable(f"{name}, line {line}: {str(problem)[:100]}") from None
    if not isinstance(value, dict):
        raise unreadable(
            f"{name}, line {line} holds {type(value).__name__}, not an object with columns"
        )
    return value


def objects(rows: list[dict[str, Any]], consumed: int) -> Chunk:
    """Rows as a chunk, its columns in the order in which they were first seen."""
    columns: dict[str, None] = {}
    for row in rows:
        columns.update(dict.fromkeys(row))
    return Chunk(list(columns), objects=rows, consumed=consumed)


def not_utf8(name: str, place: str) -> CouldNotLook:
    """The file holds bytes that are no UTF-8 at `place`."""
    return unreadable(
        f"{name}, {place}: not UTF-8 text (Latin-1 perhaps); convert it, such as with "
        "iconv -f latin1 -t utf-8"
    )
