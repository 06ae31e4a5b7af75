"""JSON objects as rows of Python values, one at a time: exact, and able to name what is wrong."""

from __future__ import annotations

import json
from typing import Any

from dpojob_trainer.shared.errors import InspectionError, unreadable
from dpojob_trainer.shared.row_batch import Chunk

OBJECTS = 2048
"""Rows of a chunk."""
LONGEST_INTEGER = 4300
"""Digits."""


def row_of(name: str, text: bytes, line: int) -> dict[str, Any]:
    """The object on a line of JSON Lines. Raises InspectionError naming the line."""
    try:
        value = parsed(text.decode())
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
        raise unreadable(f"{name}, line {line}: {problem}") from None
    if not isinstance(value, dict):
        raise unreadable(
            f"{name}, line {line} holds {type(value).__name__}, not an object with columns"
        )
    return value


def parsed(text: str) -> Any:
    """The JSON value in a text. Raises ValueError also for a key that an object has twice."""
    return DECODER.decode(text)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """One of the two values would be lost without a word."""
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"the key {twice[:60]!r} occurs twice in one object")
    return found


def _integer(text: str) -> int | float:
    """Python refuses to read longer ones; pyarrow reads them so."""
    return int(text) if len(text) <= LONGEST_INTEGER else float(text)


DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_int=_integer)


def objects(rows: list[dict[str, Any]], consumed: int) -> Chunk:
    """Rows as a chunk, its columns in the order in which they were first seen."""
    columns: dict[str, None] = {}
    for row in rows:
        columns.update(dict.fromkeys(row))
    return Chunk(list(columns), objects=rows, consumed=consumed)


def not_utf8(name: str, place: str) -> InspectionError:
    """The file holds bytes that are no UTF-8 at `place`."""
    return unreadable(
        f"{name}, {place}: not UTF-8 text (Latin-1 perhaps); convert it, such as with "
        "iconv -f latin1 -t utf-8"
    )
