"""The mapping to suggest when columns are missing, by names, types and a sample of rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dpojob_api.report import Problem, ProblemCode
from dpojob_api.suggestion import Suggestion
from dpojob_trainer.inspection.layouts import FIELDS, Schema, columns_of
from dpojob_trainer.shared.problem_text import yaml_scalar

from .column_heuristics import guess, undecided_pair
from .preference_columns import PreferenceColumns
from .row_sample import Sample
from .unused_columns import is_prompt_by_texts, parts_of_prompt, readable, unused_prompt


def quoted(columns: Sequence[str], limit: int = 24) -> str:
    """List columns in a message.

    Args:
        columns: Their names.
        limit: How many are named.

    Returns:
        The names, long ones clipped, and how many more there are.
    """
    shown = ", ".join(
        column if len(column) <= 60 else column[:57] + "..." for column in columns[:limit]
    )
    return shown + (f" and {len(columns) - limit} more" if len(columns) > limit else "")


def missing_columns(
    found: Mapping[str, str], wanted: Mapping[str, Sequence[str]], schema: Schema, rows: Sample
) -> list[Problem]:
    """Find missing columns; the prompt is missing where another column seems to be it.

    Args:
        found: The columns that are known, by field.
        wanted: The columns that the user or a preset names, by field.
        schema: The dataset's columns.
        rows: A sample of rows.

    Returns:
        At most one problem.
    """
    absent = [name for name in ("chosen", "rejected") if name not in found and name not in wanted]
    if "prompt" not in found and "prompt" not in wanted:
        has_messages = any(schema[found[name]] == "messages" for name in found)
        column = unused_prompt(found, schema, rows)
        # Who names both answers says that no other column matters, but for one called the prompt.
        decided = {"chosen", "rejected"} <= set(wanted)
        if absent:
            absent = absent if has_messages else ["prompt", *absent]
        elif column is not None and not (decided and is_prompt_by_texts(column)):
            absent = ["prompt"]
    if not absent:
        return []
    wants = " and ".join(absent) if len(absent) < 3 else "prompt, chosen and rejected"
    noun = "column" if len(absent) == 1 else "columns"
    return [
        Problem(
            code=ProblemCode.MISSING_COLUMN,
            message=f"no {noun} {wants}; the dataset's columns are: {quoted(columns_of(schema))}.",
        )
    ]


def suggest_mapping(
    problems: list[Problem], found: Mapping[str, str], schema: Schema, rows: Sample
) -> tuple[Suggestion | None, PreferenceColumns | None]:
    """Suggest a mapping, and add it to the first problem's message.

    Args:
        problems: The problems; the first one is replaced.
        found: The columns that are known, by field.
        schema: The dataset's columns.
        rows: A sample of rows.

    Returns:
        The suggestion, and two answer columns of which only scores can tell which is preferred.
    """
    free = [column for column in readable(schema) if column not in found.values()]
    mapping = {name: column for name, column in found.items() if name != column and name in FIELDS}
    mapping |= _guessed(found, free, schema, rows)
    known = {**found, **mapping}
    left = [name for name in ("chosen", "rejected") if name not in known]
    text = problems[0].message
    pair = undecided_pair([column for column in free if column != mapping.get("prompt")])
    answers = None
    if left and pair is not None and schema[pair[0]] == schema[pair[1]]:
        kept = {name: column for name, column in mapping.items() if name == "prompt"}
        columns = [column for column in schema if column not in pair]
        answers = PreferenceColumns.of(*pair, kept, columns)
        mapping = {}
    elif len(left) == 2:
        text += (
            " None of them looks like a preferred or a rejected answer; DPO needs two answers to "
            "each prompt. If they are there under other names, write in spec.dataset: "
            "columnMapping: {prompt: ..., chosen: ..., rejected: ...}."
        )
        mapping = {}
    elif parts := parts_of_prompt(known, schema, rows) if "prompt" not in found else []:
        text += (
            f" {known['prompt']!r} and {parts[0]!r} look like parts of one prompt: write both into one "
            "column, prompt."
        )
        mapping = {}
    elif mapping:
        inner = ", ".join(f"{name}: {yaml_scalar(col)}" for name, col in _ordered(mapping).items())
        text += f" Write in spec.dataset: columnMapping: {{{inner}}}."
        if left:
            text += f" Name the column of {left[0]} there too."
        elif list(mapping) == ["prompt"] and is_prompt_by_texts(mapping["prompt"]):
            both = ", ".join(
                f"{name}: {yaml_scalar(known[name])}" for name in ("chosen", "rejected")
            )
            text += (
                " If the prompt is the beginning that both answers share, write columnMapping: "
                f"{{{both}}} instead."
            )
    else:
        text += (
            " Say which is which in spec.dataset, like "
            "columnMapping: {prompt: ..., chosen: ..., rejected: ...}."
        )
    problems[0] = problems[0].model_copy(update={"message": text})
    return Suggestion(column_mapping=dict(_ordered(mapping))) if mapping else None, answers


def _guessed(
    found: Mapping[str, str], free: Sequence[str], schema: Schema, rows: Sample
) -> dict[str, str]:
    """Columns for the fields that have none; two answers are of one kind."""
    mapping: dict[str, str] = {}
    prompt = None if "prompt" in found else unused_prompt(found, schema, rows)
    if prompt is not None:
        mapping["prompt"] = prompt
    for name, other in (("chosen", "rejected"), ("rejected", "chosen")):
        if name in found:
            continue
        beside = found.get(other) or mapping.get(other)
        column = guess(
            name,
            [
                column
                for column in free
                if column not in mapping.values()
                and (beside is None or schema[column] == schema[beside])
            ],
        )
        if column is not None:
            mapping[name] = column
    return mapping


def _ordered(mapping: Mapping[str, str]) -> dict[str, str]:
    return {name: mapping[name] for name in FIELDS if name in mapping}
