"""Columns that no field uses although they may belong to the pairs: the user is warned about them."""

from __future__ import annotations

from collections.abc import Mapping

from dpojob_api.report import Problem, ProblemCode
from dpojob_api.suggestion import Suggestion
from dpojob_trainer.inspection.layouts import NATIVE, ColumnLayout, Schema
from dpojob_trainer.shared.messages import COMMON_ROLES
from dpojob_trainer.shared.problem_text import warning, yaml_scalar

from .column_heuristics import guess, is_answer, is_metadata, simplified
from .row_sample import Sample, begins_with_role, is_inside, reads_like_prompts, texts

PARTS = ("instruction", "input", "context", "history")
"""Columns of which several may be parts of one prompt, as in Alpaca's data."""
MAX_COMPARED_NAMES = 200
"""Columns whose names are compared; pairs have few, and comparing is slow."""
ASSISTANTS = ("assistant", *COMMON_ROLES["assistant"])


def readable(schema: Schema) -> list[str]:
    """List the columns that hold text or messages.

    Args:
        schema: The dataset's columns.

    Returns:
        Their names, the first `MAX_COMPARED_NAMES`.
    """
    return [column for column in schema if schema[column] in ("text", "messages")][
        :MAX_COMPARED_NAMES
    ]


def _unused_texts(schema: Schema, used: Mapping[str, str]) -> list[str]:
    """Columns that may be read; of those that only later files have, no kind is known yet."""
    kinds = ("text", "messages", "null")
    free = [name for name in schema if schema[name] in kinds and name not in used.values()]
    return free[:MAX_COMPARED_NAMES]


def is_prompt_by_texts(column: str) -> bool:
    """Tell whether a column is taken for the prompt by its texts alone.

    Args:
        column: The column's name.

    Returns:
        Whether nothing in its name says that it is the prompt.
    """
    return guess("prompt", [column]) is None


def unused_prompt(found: Mapping[str, str], schema: Schema, rows: Sample) -> str | None:
    """Find the column that is probably the prompt, where no prompt column is known.

    Args:
        found: The known columns, by field.
        schema: The dataset's columns.
        rows: A sample of rows.

    Returns:
        The column, chosen by its name, or by its texts where the answers' common beginning would be
        taken for the prompt; None without one.
    """
    answers = [found[name] for name in ("chosen", "rejected") if name in found]
    free = _unused_texts(schema, found)
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
            and not is_metadata(column)
            and not is_answer(column)
            and guess("system", [column]) is None
            and reads_like_prompts(rows, column)
        ),
        None,
    )


def parts_of_prompt(columns: Mapping[str, str], schema: Schema, rows: Sample) -> list[str]:
    """Find further columns that may be parts of the prompt.

    Args:
        columns: The columns that are read, by field.
        schema: The dataset's columns.
        rows: A sample of rows.

    Returns:
        Columns with such a name and with text that the prompt's column does not contain.
    """
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


def unused_column_warnings(
    layout: ColumnLayout, schema: Schema, rows: Sample
) -> tuple[list[Problem], Suggestion | None]:
    """Warn about columns that a layout leaves unused.

    Args:
        layout: How the dataset's columns are read; a preset is known to have its prompts elsewhere.
        schema: The dataset's columns.
        rows: A sample of rows.

    Returns:
        The warnings, and the mapping to write where it is certain.
    """
    problems, mapping = [], {}
    columns, native = layout.columns, layout.preset is NATIVE
    system = guess("system", _unused_texts(schema, columns)) if "system" not in columns else None
    if system is not None:
        mapping["system"] = system
        problems.append(_unused(system, "the system prompt", f"system: {yaml_scalar(system)}"))
    prompt = unused_prompt(columns, schema, rows) if native and "prompt" not in columns else None
    if prompt is not None:
        mapping["prompt"] = prompt
        problems.append(_unused(prompt, "the prompt", f"prompt: {yaml_scalar(prompt)}"))
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


def _unused(column: str, what: str, mapping: str) -> Problem:
    return warning(
        ProblemCode.MISSING_COLUMN,
        f"the column {column!r} is not read. If it holds {what}, write in spec.dataset: "
        f"columnMapping: {{{mapping}}}.",
    )
