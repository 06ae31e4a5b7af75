"""Columns that go unread although they may be a part of the pairs: they would be lost without a word."""

from __future__ import annotations

from collections.abc import Mapping

from dpojob_api.report import Problem, ProblemCode, Suggestion
from dpojob_trainer.shared.messages import COMMON_ROLES
from dpojob_trainer.shared.problem_text import warning, yaml_scalar

from .column_heuristics import guess, is_about, is_answer, simplified
from .column_types import Schema
from .row_sample import Sample, begins_with_role, is_inside, reads_like_prompts, texts

PARTS = ("instruction", "input", "context", "history")
"""Columns of which several may be parts of one prompt, as in Alpaca's data."""
MOST_NAMES = 200
"""Columns whose names are compared; pairs have few, and comparing is slow."""
ASSISTANTS = ("assistant", *COMMON_ROLES["assistant"])


def readable(schema: Schema) -> list[str]:
    """Columns that hold text or messages, the first ones where there are many."""
    return [column for column in schema if schema[column] in ("text", "messages")][:MOST_NAMES]


def _unread(schema: Schema, used: Mapping[str, str]) -> list[str]:
    """Columns that may be read; of those that only later files have, no kind is known yet."""
    kinds = ("text", "messages", "null")
    free = [name for name in schema if schema[name] in kinds and name not in used.values()]
    return free[:MOST_NAMES]


def is_odd(column: str) -> bool:
    """Whether nothing in its name says that it is the prompt."""
    return guess("prompt", [column]) is None


def unused_prompt(found: Mapping[str, str], schema: Schema, rows: Sample) -> str | None:
    """The column that is probably the prompt, of pairs for which none is known.

    By its name, or by its texts where the answers' common beginning would be taken for the prompt.
    """
    answers = [found[name] for name in ("chosen", "rejected") if name in found]
    free = _unread(schema, found)
    if any(schema[column] == "messages" for column in answers):
        if not all(begins_with_role(rows, column, ASSISTANTS) for column in answers):
            return None
        return guess("prompt", free)
    free = [column for column in free if not (answers and is_inside(rows, column, answers))]
    named = guess("prompt", free)
    if named is not None or len(answers) < 2:
        return named
    return next(
        (
            column
            for column in free
            if schema[column] == "text"
            and not is_about(column)
            and not is_answer(column)
            and guess("system", [column]) is None
            and reads_like_prompts(rows, column)
        ),
        None,
    )


def parts_of_prompt(columns: Mapping[str, str], schema: Schema, rows: Sample) -> list[str]:
    """Columns beside the prompt's that, by their names, may hold more of it, and do hold text."""
    prompt = columns.get("prompt")
    if prompt is None or schema.get(prompt) != "text":
        return []
    used = set(columns.values())
    return [
        column
        for column in readable(schema)
        if column not in used
        and simplified(column) in PARTS
        and texts(rows, column)
        and not is_inside(rows, column, [prompt])
    ]


def passed_over(
    columns: Mapping[str, str], schema: Schema, rows: Sample, *, native: bool
) -> tuple[list[Problem], Suggestion | None]:
    """Warnings about what a layout leaves unread, and what to write where that is plain.

    A preset knows where its prompts are; `native` says that there is none.
    """
    problems, mapping = [], {}
    system = guess("system", _unread(schema, columns)) if "system" not in columns else None
    if system is not None:
        mapping["system"] = system
        problems.append(_lost(system, "the system prompt", f"system: {yaml_scalar(system)}"))
    prompt = unused_prompt(columns, schema, rows) if native and "prompt" not in columns else None
    if prompt is not None:
        mapping["prompt"] = prompt
        problems.append(_lost(prompt, "the prompt", f"prompt: {yaml_scalar(prompt)}"))
    for part in parts_of_prompt(columns, schema, rows):
        problems.append(
            warning(
                ProblemCode.MISSING_COLUMN,
                f"the column {part!r} is not read, and may be a part of the prompt beside "
                f"{columns['prompt']!r}. If it is, write both into one column and name that in "
                "columnMapping.prompt.",
            )
        )
    return problems, Suggestion(column_mapping=dict(mapping)) if mapping else None


def _lost(column: str, what: str, mapping: str) -> Problem:
    return warning(
        ProblemCode.MISSING_COLUMN,
        f"the column {column!r} is not read. If it holds {what}, write in spec.dataset: "
        f"columnMapping: {{{mapping}}}.",
    )
