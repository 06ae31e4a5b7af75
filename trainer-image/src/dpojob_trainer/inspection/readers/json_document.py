"""Interprets a file that is one JSON object: one row, rows inside it, or an unsupported layout."""

from __future__ import annotations

from typing import Any

RECORDS = "Write one object per row, with pandas by df.to_json(path, orient='records', lines=True)"


def nested_rows(value: Any) -> list[Any] | None:
    """The rows inside an object such as `{"data": [...]}`.

    Args:
        value: The object.

    Returns:
        The only list of objects in it, or None where there is no such list or more than one.
    """
    lists = _row_lists(value)
    return next(iter(lists.values())) if len(lists) == 1 and len(value) <= 3 else None


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
        names = ", ".join(name[:40] for name in list(lists)[:6])
        return (
            f"is one object that holds several lists of rows: {names}. Write each into a file of its "
            "own, such as train.jsonl and test.jsonl, one object per line"
        )
    if isinstance(value, dict) and (_is_indexed_by_row(value) or _holds_columns(value)):
        return f"is one object that holds whole columns. {RECORDS}"
    return None


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
    return isinstance(item, dict) and not {"role", "from", "speaker"} & set(item)


def _is_indexed_by_row(value: dict[str, Any]) -> bool:
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
    """Whether columns are lists of simple values, all of the same length."""
    columns = list(value.values())
    return len(columns) > 1 and all(
        isinstance(column, list)
        and len(column) == len(columns[0])
        and column
        and not any(isinstance(item, dict | list) for item in column)
        for column in columns
    )
