"""Rows that hold several pairs: lists of answers, or lists of pairs. They are refused with what to write."""

from __future__ import annotations

from collections.abc import Mapping

from dpojob_api.report import Problem, ProblemCode, Suggestion
from dpojob_api.value_display import flow_yaml
from dpojob_trainer.inspection.layouts import Schema, columns_of, split_path
from dpojob_trainer.shared.rows.preference_pair import PAIR_FIELDS

from .column_heuristics import guess, is_metadata
from .row_sample import Sample

AUTHORS = ("model", "source", "author", "policy", "name", "role", "from")
"""Fields beside the text of an answer that say where it comes from."""


def lists_of_answers(
    found: Mapping[str, str], schema: Schema, rows: Sample
) -> tuple[Problem, Suggestion | None] | None:
    """Recognise answers that are lists of texts or of conversations.

    Args:
        found: The known columns, by field.
        schema: The dataset's columns.
        rows: A sample of rows.

    Returns:
        The problem, and the mapping to write where each list has one element; None for other answers.
    """
    lists = {
        name: found[name] for name in PAIR_FIELDS if _holds_lists(found.get(name), schema, rows)
    }
    if not {"chosen", "rejected"} <= lists.keys():
        return None
    names = " and ".join(repr(lists[name]) for name in lists)
    text = f"{names} hold lists, not one text or conversation a row."
    values = [row.get(column) for row in rows for column in lists.values()]
    if all(len(value) == 1 for value in values if isinstance(value, list)):
        mapping = {
            name: f"{column}.0" if name in lists else column
            for name, column in found.items()
            if name in lists or name != column
        }
        return (
            _problem(
                f"{text} Each list has one element; write in spec.dataset: columnMapping: "
                f"{flow_yaml(mapping)}."
            ),
            Suggestion(column_mapping=dict(mapping)),
        )
    columns = ", ".join(repr(column) for column in lists.values())
    return (
        _problem(
            f"{text} Write one row for each pair, with pandas by df.explode([{columns}]), or, if the elements "
            "are the turns of one conversation, write each as a message with role and content."
        ),
        None,
    )


def objects_as_answers(
    found: Mapping[str, str], schema: Schema
) -> tuple[Problem, Suggestion] | None:
    """Recognise answers that are objects with one text, such as `{"response": ..., "score": ...}`.

    Args:
        found: The known columns, by field.
        schema: The dataset's columns.

    Returns:
        The problem, and the mapping to write; None for other answers.
    """
    answers = {name: found[name] for name in ("chosen", "rejected")}
    if any(schema.get(column) != "other" for column in answers.values()):
        return None
    fields = [
        [
            path[1]
            for name, kind in schema.items()
            if (path := split_path(name)) is not None
            and path[0] == column
            and kind in ("text", "messages")
            and not is_metadata(path[1])
            and path[1] not in AUTHORS
        ]
        for column in answers.values()
    ]
    if len(fields[0]) != 1 or fields[0] != fields[1]:
        return None
    mapping = {name: column for name, column in found.items() if name != column}
    mapping |= {name: f"{column}.{fields[0][0]}" for name, column in answers.items()}
    names = " and ".join(map(repr, answers.values()))
    return (
        _problem(
            f"{names} hold objects, not one text or conversation a row. Their text is {fields[0][0]!r}; write in "
            f"spec.dataset: columnMapping: {flow_yaml(mapping)}."
        ),
        Suggestion(column_mapping=dict(mapping)),
    )


def describe_nested_pairs(schema: Schema, rows: Sample) -> str | None:
    """Recognise a column that holds several pairs in each row.

    Args:
        schema: The dataset's columns.
        rows: A sample of rows.

    Returns:
        Which column it is and what to write instead; None without one.
    """
    for column in columns_of(schema):
        fields = _fields_of_elements(column, rows)
        if guess("chosen", fields) and guess("rejected", fields):
            return (
                f"{column!r} holds lists of pairs, with the fields {', '.join(fields[:6])}. Write one row for "
                f"each pair, with pandas by pd.json_normalize(df.explode({column!r})[{column!r}])."
            )
    inside = _lists_inside(schema)
    if inside is None:
        return None
    column, fields = inside
    return (
        f"{column!r} holds whole columns in each row, as the lists {', '.join(fields[:6])}. Write one row for "
        f"each pair, with pandas by pd.json_normalize(df[{column!r}]).explode({fields})."
    )


def _problem(message: str) -> Problem:
    return Problem(code=ProblemCode.WRONG_TYPE, message=message)


def _holds_lists(column: str | None, schema: Schema, rows: Sample) -> bool:
    """Whether most values of a column are lists of texts or lists."""
    if column is None or schema.get(column) != "other":
        return False
    values = [row[column] for row in rows if row.get(column) is not None]
    lists = sum(
        1
        for value in values
        if isinstance(value, list) and value and all(isinstance(item, str | list) for item in value)
    )
    return lists * 2 > len(values)


def _fields_of_elements(column: str, rows: Sample) -> list[str]:
    """The keys of the objects in a column's lists; none where it holds something else."""
    firsts = [
        value[0] for row in rows if isinstance(value := row.get(column), list) and len(value) > 0
    ]
    if not firsts or not all(isinstance(first, Mapping) for first in firsts):
        return []
    return list(dict.fromkeys(str(key) for first in firsts for key in first))


def _lists_inside(schema: Schema) -> tuple[str, list[str]] | None:
    """The column of objects whose fields are lists of both answers, and those fields."""
    roots: dict[str, list[str]] = {}
    for name, kind in schema.items():
        path = split_path(name)
        if path is not None and path[0] in schema and kind == "other":
            roots.setdefault(path[0], []).append(path[1])
    found = [
        (column, fields)
        for column, fields in roots.items()
        if guess("chosen", fields) and guess("rejected", fields)
    ]
    return found[0] if len(found) == 1 else None
