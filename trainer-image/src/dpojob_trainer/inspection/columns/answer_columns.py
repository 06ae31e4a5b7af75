"""Which columns are the preferred and the other answer, where they do not have these names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dpojob_api.report import Suggestion
from dpojob_api.value_display import flow_yaml
from dpojob_trainer.inspection.layouts import Schema, columns_of, split_path

from .column_heuristics import REPLY, guess, is_metadata, preference_of, simplified
from .prompt_columns import readable
from .row_sample import Sample, texts

OTHERS = ("other", "other_response", "other_answer", "alternative", "alternative_response")
"""Names of the answer beside a preferred one that say nothing about it."""
PAIR_LISTS = ("output",)
"""Columns of lists of which the first element is the preferred answer (LLaMA-Factory's old format)."""


def named_answers(
    chosen: str, rejected: str, schema: Schema, rows: Sample
) -> tuple[str, Suggestion | None] | None:
    """Recognise answers' columns that name the columns with the answers, as `chosen: response_a` does.

    Args:
        chosen: The column taken for the preferred answer.
        rejected: The column taken for the other one.
        schema: The dataset's columns.
        rows: A sample of rows.

    Returns:
        What they hold and what to write, and the mapping where two columns are named; None where they hold texts.
    """
    named = [text.strip() for column in (chosen, rejected) for text in texts(rows, column)]
    if not named or not {*named} <= {*columns_of(schema)} - {chosen, rejected}:
        return None
    text = f"{chosen!r} and {rejected!r} hold names of columns ({named[0]!r}), not the answers"
    if len({*named}) != 2:
        return f"{text}; write each answer into its row.", None
    first, second = sorted({*named})
    label: dict[str, str | list[str]] = {"column": chosen, "first": first, "second": second}
    mapping: dict[str, Any] = {"chosen": first, "rejected": second, "verdict": label}
    return (
        f"{text}. Write in spec.dataset: columnMapping: {flow_yaml(mapping)}.",
        Suggestion(column_mapping=mapping),
    )


def guess_answers(found: Mapping[str, str], schema: Schema, rows: Sample) -> dict[str, str]:
    """Guess the answers' columns.

    Args:
        found: The known columns, by field.
        schema: The dataset's columns.
        rows: A sample of rows.

    Returns:
        Columns for chosen and rejected, as far as they are not known and can be guessed; two answers
        are of one kind.
    """
    wanted = [name for name in ("chosen", "rejected") if name not in found]
    free = [column for column in readable(schema) if column not in found.values()]
    mapping = _by_name(found, wanted, free, schema)
    if len(mapping) == len(wanted):
        return mapping
    known = {**found, **mapping}
    if "chosen" in known and "rejected" not in known:
        kind = schema.get(known["chosen"])
        other = [c for c in free if simplified(c) in OTHERS and schema[c] == kind]
        return {**mapping, "rejected": other[0]} if len(other) == 1 else mapping
    if "rejected" in known and "chosen" not in known:
        rejected = known["rejected"]
        name, kind = "_".join(_without_preference(rejected)), schema.get(rejected)
        other = [c for c in free if name and simplified(c) == name and schema[c] == kind]
        if len(other) == 1:
            return {**mapping, "chosen": other[0]}
    if len(wanted) < 2:
        return mapping
    return (
        _opposites(free, schema, rows)
        or _inside_a_column(schema)
        or _in_a_list(found, schema, rows)
        or mapping
    )


def _by_name(
    found: Mapping[str, str], wanted: Sequence[str], free: Sequence[str], schema: Schema
) -> dict[str, str]:
    mapping: dict[str, str] = {}
    for name in wanted:
        other = "rejected" if name == "chosen" else "chosen"
        beside = found.get(other) or mapping.get(other)
        column = guess(
            name,
            [
                column
                for column in free
                if column not in mapping.values()
                and (beside is None or schema[column] == schema.get(beside))
            ],
        )
        if column is not None:
            mapping[name] = column
    return mapping


def _opposites(free: Sequence[str], schema: Schema, rows: Sample) -> dict[str, str]:
    """Two columns whose names differ in the word of preference alone, such as chosen_X and rejected_X."""
    pairs = []
    for chosen in free:
        if preference_of(chosen) != 1 or is_metadata(chosen):
            continue
        rest = _without_preference(chosen)
        for rejected in free:
            if (
                preference_of(rejected) == -1
                and _without_preference(rejected) == rest
                and schema[rejected] == schema[chosen]
            ):
                pairs.append((chosen, rejected))
    if len(pairs) > 1:
        replies = [pair for pair in pairs if set(simplified(pair[0]).split("_")) & {*REPLY}]
        lengths = {pair: sum(map(len, texts(rows, pair[0]))) for pair in pairs}
        first, second = sorted(pairs, key=lambda pair: -lengths[pair])[:2]
        if len(replies) == 1:
            pairs = replies
        elif lengths[first] >= 2 * lengths[second]:
            pairs = [first]
    return {"chosen": pairs[0][0], "rejected": pairs[0][1]} if len(pairs) == 1 else {}


def _without_preference(name: str) -> tuple[str, ...]:
    words = simplified(name).split("_")
    return tuple(word for word in words if not preference_of(word) and word not in ("not", "non"))


def _inside_a_column(schema: Schema) -> dict[str, str]:
    """The answers that are fields of one object, such as `answers.chosen` and `answers.rejected`."""
    roots: dict[str, dict[str, str]] = {}
    for name, kind in schema.items():
        path = split_path(name)
        if path is not None and path[0] in schema and kind in ("text", "messages"):
            roots.setdefault(path[0], {})[path[1]] = name
    pairs = []
    for fields in roots.values():
        chosen, rejected = guess("chosen", [*fields]), guess("rejected", [*fields])
        if chosen and rejected and schema[fields[chosen]] == schema[fields[rejected]]:
            pairs.append({"chosen": fields[chosen], "rejected": fields[rejected]})
    return pairs[0] if len(pairs) == 1 else {}


def prompt_inside(answers: Mapping[str, str], schema: Schema) -> str | None:
    """Find the prompt beside answers that are fields of one object.

    Args:
        answers: The guessed columns of both answers.
        schema: The dataset's columns.

    Returns:
        The path of the field with the name of a prompt; None without one.
    """
    path = split_path(answers.get("chosen", ""))
    if path is None or path[0] not in schema:
        return None
    fields = {
        inside[1]: name
        for name in schema
        if (inside := split_path(name)) is not None
        and inside[0] == path[0]
        and schema[name] in ("text", "messages")
        and name not in answers.values()
    }
    found = guess("prompt", [*fields])
    return None if found is None else fields[found]


def _in_a_list(found: Mapping[str, str], schema: Schema, rows: Sample) -> dict[str, str]:
    """The two elements of a list `output`."""
    for column in columns_of(schema):
        if simplified(column) not in PAIR_LISTS or f"{column}.1" not in schema:
            continue
        lists = [row[column] for row in rows if isinstance(row.get(column), list)]
        pairs = sum(1 for value in lists if len(value) == 2)
        if pairs * 2 > len(lists) and all(len(value) >= 2 for value in lists):
            return {"chosen": f"{column}.0", "rejected": f"{column}.1"}
    return {}
