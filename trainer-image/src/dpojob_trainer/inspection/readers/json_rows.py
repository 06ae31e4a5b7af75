"""Parses JSON objects one at a time into Python values, with exact error messages."""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import Any

from dpojob_trainer.shared.errors import DatasetUnreadable
from dpojob_trainer.shared.rows.row_batch import RowBatch

from .json_values import MAX_ROW_VALUES, has_more_values

BATCH_ROWS = 2048
"""Rows of a batch."""
LONGEST_INTEGER = 4300
"""Digits of the longest integer that Python parses by default."""
_SPACE = re.compile(r"[ \t\r\n]*")


def parse_line(name: str, text: bytes, line: int) -> dict[str, Any]:
    """Parse one line of JSON Lines.

    Args:
        name: How messages call the file.
        text: The line.
        line: Its number, from 1.

    Returns:
        The object.

    Raises:
        DatasetUnreadable: The line does not hold one JSON object.
        NotUTF8: It is not UTF-8.
        TooManyValues: It holds more than `MAX_ROW_VALUES` values.
    """
    if has_more_values(text, MAX_ROW_VALUES):
        raise TooManyValues(f"{name}, line {line}", MAX_ROW_VALUES)
    try:
        value = DECODER.decode(text.decode())
    except UnicodeDecodeError as problem:
        raise NotUTF8(name, f"line {line}, byte {problem.start + 1}") from None
    except json.JSONDecodeError as problem:
        raise DatasetUnreadable(
            f"{name}, line {line}, character {problem.colno}: not JSON ({problem.msg}); "
            "each line must hold one whole JSON object"
        ) from None
    except RecursionError:
        raise DatasetUnreadable(f"{name}, line {line} is nested too deeply") from None
    except ValueError as problem:
        raise DatasetUnreadable(f"{name}, line {line}: {problem}") from None
    if not isinstance(value, dict):
        raise DatasetUnreadable(
            f"{name}, line {line} holds {type(value).__name__}, not an object with columns"
        )
    return value


def parse_values(text: str) -> list[Any]:
    """Parse JSON values that follow each other, as `jq .` writes the rows of JSON Lines.

    Args:
        text: The text.

    Returns:
        The values, at least one.

    Raises:
        ValueError: The text is no valid JSON, or an object has a key twice.
    """
    found: list[Any] = []
    at = 0
    while not found or at < len(text):
        value, end = DECODER.raw_decode(text, _after_space(text, at))
        found.append(value)
        at = _after_space(text, end)
    return found


def _after_space(text: str, at: int) -> int:
    space = _SPACE.match(text, at)
    return space.end() if space else at


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Reject duplicate keys, of which Python would silently keep the last."""
    found = dict(pairs)
    if len(found) < len(pairs):
        counts = Counter(key for key, _ in pairs)
        twice = next(key for key, count in counts.items() if count > 1)
        raise ValueError(f"the key {twice[:60]!r} occurs twice in one object")
    return found


def _integer(text: str) -> int | float:
    """Parse longer integers as floats, as pyarrow does; Python refuses them."""
    return int(text) if len(text) <= LONGEST_INTEGER else float(text)


DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_int=_integer)


def rows_to_batch(rows: list[dict[str, Any]], consumed: int) -> RowBatch:
    """Make a batch of rows.

    Args:
        rows: The rows.
        consumed: About how many bytes of the file, as stored, were read up to here.

    Returns:
        The batch, with the columns in the order in which they first occur.
    """
    columns: dict[str, None] = {}
    for row in rows:
        columns.update(dict.fromkeys(row))
    return RowBatch(list(columns), objects=rows, consumed=consumed)


class NotUTF8(DatasetUnreadable):
    """Bytes of a file are not UTF-8.

    Args:
        name: How messages call the file.
        place: Where in the file the bytes are, such as "line 3, byte 17".
    """

    def __init__(self, name: str, place: str) -> None:
        super().__init__(
            f"{name}, {place}: not UTF-8 text (Latin-1 perhaps); convert it, such as with "
            "iconv -f latin1 -t utf-8"
        )


class TooManyValues(DatasetUnreadable):
    """There are more JSON values than fit into bounded memory.

    Args:
        place: What holds them, such as "data.jsonl, line 3".
        limit: How many values there may be.
    """

    def __init__(self, place: str, limit: int) -> None:
        super().__init__(
            f"{place} holds more than {limit:,} values, those inside lists and objects included; a "
            "preference pair has a few. Write such rows shorter, or leave them out"
        )
