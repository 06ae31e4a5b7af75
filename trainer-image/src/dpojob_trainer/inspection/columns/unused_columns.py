"""Columns that no field uses although they may belong to the pairs: the user is warned about them."""

from __future__ import annotations

from dpojob_api.report import Problem, ProblemCode, Suggestion
from dpojob_api.value_display import flow_yaml
from dpojob_trainer.inspection.layouts import NATIVE, ColumnLayout, Schema
from dpojob_trainer.shared.problem_text import warning

from .column_heuristics import guess
from .prompt_columns import (
    guess_prompt,
    in_reading_order,
    lists_beside_prompt,
    parts_of_prompt,
    unused_texts,
)
from .row_sample import Sample


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
    system = guess("system", unused_texts(schema, columns)) if "system" not in columns else None
    if system is not None:
        mapping["system"] = system
        problems.append(_unused(system, "the system prompt", f"system: {flow_yaml(system)}"))
    prompt = (
        guess_prompt(columns, schema, rows).column if native and "prompt" not in columns else None
    )
    if prompt is not None:
        mapping["prompt"] = prompt
        problems.append(_unused(prompt, "the prompt", f"prompt: {flow_yaml(prompt)}"))
    for column, count in layout.elements.items():
        if any(isinstance(row.get(column), list) and len(row[column]) > count for row in rows):
            problems.append(
                warning(
                    ProblemCode.MISSING_COLUMN,
                    f"of the lists in {column!r} only the first {count} elements are read, and some "
                    "have more. If they are ranked answers, write a row for each further pair.",
                )
            )
    question = None if layout.prompt_parts else columns.get("prompt")
    for part in parts_of_prompt(question, [*columns.values()], schema, rows):
        joined = flow_yaml(in_reading_order(columns["prompt"], [part]))
        problems.append(
            warning(
                ProblemCode.MISSING_COLUMN,
                f"the column {part!r} is not read, and may be a part of the prompt beside "
                f"{columns['prompt']!r}. If it is, write in spec.dataset: columnMapping: "
                f"{{prompt: {joined}}}.",
            )
        )
    for part in lists_beside_prompt(layout.used, schema, rows) if "prompt" in columns else ():
        problems.append(
            warning(
                ProblemCode.MISSING_COLUMN,
                f"the column {part!r} is not read: it holds lists or objects, which columnMapping does "
                f"not join to a prompt. If they are earlier turns or a part of the prompt, write them "
                f"before it in {columns['prompt']!r}, as messages (role and content) or as text.",
            )
        )
    return problems, Suggestion(column_mapping=dict(mapping)) if mapping else None


def _unused(column: str, what: str, mapping: str) -> Problem:
    return warning(
        ProblemCode.MISSING_COLUMN,
        f"the column {column!r} is not read. If it holds {what}, write in spec.dataset: "
        f"columnMapping: {{{mapping}}}.",
    )
