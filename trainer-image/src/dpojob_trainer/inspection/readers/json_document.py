"""Interprets a file that is one JSON object: one row, rows or columns inside it, or an unsupported layout."""

from __future__ import annotations

import re
from typing import Any

from dpojob_trainer.shared.rows.messages import ROLE_KEYS

MOST_SIBLINGS = 3
"""Entries of an object that holds the rows beside a version and the like."""

FEWEST_BY_KEY = 3
"""Objects with the same fields beside each other that are taken for rows under their keys."""

MOST_LEVELS = 3
"""The levels of `{"dataset": {"train": {"prompt": [...]}}}`."""


_LIST_OF_ROWS = re.compile(
    rb'\{\s*"[^"\\]{1,60}"\s*:\s*\[\s*\{\s*"(?!role"|from"|speaker"|content"|value")'
)
"""The beginning of an object whose first entry is a list of objects that are no messages."""


def may_begin_document(text: bytes) -> bool:
    """Tell whether a file called .jsonl may be one JSON document under another name.

    Args:
        text: The beginning of the file, without white space before it.

    Returns:
        Whether it begins with a list, which no row is, or with an object that goes on in further lines or whose
        first entry is a list of rows. `read_json` reads JSON Lines as well.
    """
    if text.startswith(b"["):
        return True
    first, end, _ = text.partition(b"\n")
    is_open = bool(end) and first.rstrip().endswith((b"{", b"[", b",", b":"))
    return text.startswith(b"{") and (is_open or _LIST_OF_ROWS.match(text) is not None)


def nested_rows(value: Any, levels: int = MOST_LEVELS) -> list[Any] | None:
    """The rows inside an object such as `{"data": [...]}`, `{"prompt": [...], "chosen": [...]}` or `{"id7": {...}}`.

    Args:
        value: The object.
        levels: In how many objects inside each other the rows are looked for.

    Returns:
        The only list of objects in it, or the rows of its columns, or its entries where each is a pair, or the same
        of an object that is its only entry; None where there is no such list or more than one.
    """
    lists = _row_lists(value)
    if len(lists) == 1 and len(value) <= MOST_SIBLINGS:
        return next(iter(lists.values()))
    if lists or not isinstance(value, dict):
        return None
    if (rows := _rows_of_columns(value)) is not None:
        return rows
    if len(value) > 1 and all(map(_is_pair, value.values())):
        return list(value.values())
    inside = [item for item in value.values() if isinstance(item, dict)]
    return nested_rows(inside[0], levels - 1) if len(value) == len(inside) == 1 < levels else None


def describe_other_layout(value: Any) -> str | None:
    """Describe an object that is certainly not one row.

    Args:
        value: The object.

    Returns:
        What the layout is and how to write it instead, as the rest of a sentence; None where the
        object may be a row.
    """
    lists = _row_lists(value)
    if len(lists) > 1:
        return _several("lists of rows", list(lists))
    if isinstance(value, dict) and len(value) > 1:
        splits = [
            name
            for name, item in value.items()
            if isinstance(item, dict) and item and _rows_of_columns(item) is not None
        ]
        if len(splits) == len(value) and not _holds_columns_by_row(value):
            return _several("tables", splits)
        if _holds_rows_by_key(value) and nested_rows(value) is None:
            return (
                f"is one object with an object for each of {_listed(list(value))}. If these are rows, write them as a "
                "list, [{...}, {...}], with pandas by pandas.read_json(FILE, orient='index').to_json(FILE, "
                "orient='records')"
            )
    return None


def _several(what: str, names: list[str]) -> str:
    return (
        f"is one object that holds several {what}: {_listed(names)}. Write each into a file of its own, such as "
        "train.jsonl and test.jsonl, one object per line"
    )


def _listed(names: list[str]) -> str:
    more = ", ..." if len(names) > 6 else ""
    return ", ".join(name[:40] for name in names[:6]) + more


def _is_pair(item: Any) -> bool:
    """Whether an object is certainly a row, and neither a message nor a table."""
    return (
        isinstance(item, dict)
        and {"chosen", "rejected"} <= item.keys()
        and _rows_of_columns(item) is None
    )


def _holds_rows_by_key(value: dict[str, Any]) -> bool:
    """Whether entries have the same fields, as rows under their keys have; messages have them too."""
    first, *others = value.values()
    return (
        len(others) >= FEWEST_BY_KEY - 1
        and _is_row(first)
        and len(first) > 1
        and all(isinstance(item, dict) and item.keys() == first.keys() for item in others)
    )


def _row_lists(value: Any) -> dict[str, list[Any]]:
    """The lists of rows in an object that is not a preference pair; message lists do not count."""
    if not isinstance(value, dict) or {"chosen", "rejected"} & set(value):
        return {}
    return {
        name: item
        for name, item in value.items()
        if isinstance(item, list) and item and all(map(_is_row, item))
    }


def _is_row(item: Any) -> bool:
    return isinstance(item, dict) and not {*ROLE_KEYS} & set(item)


def _rows_of_columns(value: dict[str, Any]) -> list[dict[str, Any]] | None:
    """The rows of an object of whole columns; None for another object."""
    if _holds_columns_by_row(value):
        numbers = next(iter(value.values()))
        return [{name: column[n] for name, column in value.items()} for n in numbers]
    if _holds_columns(value):
        return [dict(zip(value, row, strict=True)) for row in zip(*value.values(), strict=True)]
    return None


def _holds_columns_by_row(value: dict[str, Any]) -> bool:
    """Whether columns are objects from row number to value, the default of `DataFrame.to_json`."""
    columns = list(value.values())
    return bool(columns) and all(
        isinstance(column, dict)
        and column.keys() == columns[0].keys()
        and column
        and all(number.isdecimal() for number in column)
        for column in columns
    )


def _holds_columns(value: dict[str, Any]) -> bool:
    """Whether columns are lists of one length; a list of messages is one value of a row, no column."""
    columns = list(value.values())
    return len(columns) > 1 and all(
        isinstance(column, list)
        and len(column) == len(columns[0])
        and column
        and not any(isinstance(item, dict) for item in column)
        for column in columns
    )
