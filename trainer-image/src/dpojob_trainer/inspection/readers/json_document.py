"""What one JSON object of a whole file is: a row, rows inside it, or rows written another way."""

from __future__ import annotations

from typing import Any

RECORDS = "Write one object per row, with pandas by df.to_json(path, orient='records', lines=True)"


def nested_rows(value: Any) -> list[Any] | None:
    """The rows inside `{"data": [...]}`: the only list of objects there."""
    lists = _lists(value)
    return next(iter(lists.values())) if len(lists) == 1 and len(value) <= 3 else None


def misread(value: Any) -> str | None:
    """What to say of an object that is surely not one row; None where it may be."""
    lists = _lists(value)
    if len(lists) > 1:
        names = ", ".join(name[:40] for name in list(lists)[:6])
        return (
            f"is one object that holds several lists of rows: {names}. Write each into a file of its "
            "own, such as train.jsonl and test.jsonl, one object per line"
        )
    if isinstance(value, dict) and (_by_number(value) or _by_column(value)):
        return f"is one object that holds whole columns. {RECORDS}"
    return None


def _lists(value: Any) -> dict[str, list[Any]]:
    """The lists of rows in an object that is no pair itself; messages are no rows."""
    if not isinstance(value, dict) or {"chosen", "rejected"} & set(value):
        return {}
    return {
        name: item
        for name, item in value.items()
        if isinstance(item, list) and item and all(map(_is_row, item))
    }


def _is_row(item: Any) -> bool:
    return isinstance(item, dict) and not {"role", "from", "speaker"} & set(item)


def _by_number(value: dict[str, Any]) -> bool:
    """Columns as objects from the row's number to the value, as pandas writes them by itself."""
    columns = list(value.values())
    return bool(columns) and all(
        isinstance(column, dict)
        and column.keys() == columns[0].keys()
        and column
        and all(number.isdecimal() for number in column)
        for column in columns
    )


def _by_column(value: dict[str, Any]) -> bool:
    """Columns as lists of texts, all of one length."""
    columns = list(value.values())
    return len(columns) > 1 and all(
        isinstance(column, list)
        and len(column) == len(columns[0])
        and column
        and not any(isinstance(item, dict | list) for item in column)
        for column in columns
    )
