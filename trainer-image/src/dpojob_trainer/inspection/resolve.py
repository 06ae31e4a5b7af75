"""From the columns of a dataset and the user's mapping to a layout, or to what to write instead."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from dpojob_api.conditions import Reason
from dpojob_api.report import Problem, ProblemCode, Suggestion
from dpojob_api.spec import DatasetSource

from .errors import CouldNotLook
from .layout import FIELDS, Layout
from .messages import Dialect
from .names import guess, nearest, undecided_pair
from .preferred import Answers
from .presets import NATIVE, PRESETS, Preset, Schema, named, recognise
from .problems import as_yaml

RESERVED = ("image", "images")
"""Columns by which TRL takes a dataset for one of images."""


@dataclass
class Resolution:
    """How to read the dataset; without a layout, why it cannot be read."""

    layout: Layout | None
    problems: list[Problem] = field(default_factory=list)
    suggestion: Suggestion | None = None
    answers: Answers | None = None
    """Two answer columns of which the rows' scores, or else the user, say which is preferred."""


def resolve(source: DatasetSource, schema: Schema, chosen: Sequence[Any]) -> Resolution:
    """The layout of a dataset with such columns; `chosen` are values of its chosen column.

    Raises CouldNotLook for a preset that does not exist.
    """
    asked = {name: column for name in FIELDS if (column := getattr(source.column_mapping, name))}
    dialect = Dialect.of(source.column_mapping.messages)
    preset = _preset(source, schema, asked, list(chosen))
    columns = list(schema)
    if not columns:
        return Resolution(None)
    wanted = {**preset.columns, **asked} if preset is not NATIVE else dict(asked)
    problems = [
        _absent(name, column, columns) for name, column in wanted.items() if column not in schema
    ]
    if preset.convert is not None and "prompt" in wanted and "prompt" not in preset.columns:
        return Resolution(None, [_two_prompts(preset, wanted["prompt"])])
    for also in preset.also:
        if also not in schema:
            problems.append(_absent_in_preset(preset, also, columns))
    found = {name: column for name, column in wanted.items() if column in schema}
    for name in FIELDS if preset is NATIVE else ("system", "tools"):
        if name not in wanted and name in schema and name not in found.values():
            found[name] = name
    if preset is NATIVE:
        problems += _missing(found, wanted, schema)
    if problems:
        return _with_suggestion(problems, found, schema)
    return Resolution(Layout(found, dialect, preset), _reserved(columns))


def _preset(
    source: DatasetSource, schema: Schema, asked: Mapping[str, str], chosen: list[Any]
) -> Preset:
    if source.preset == "none":
        return NATIVE
    if source.preset == "auto":
        if {"prompt", "chosen", "rejected"} & set(asked):
            return NATIVE
        return recognise(schema, chosen) or NATIVE
    preset = named(source.preset)
    if preset is None:
        names = ", ".join(known.name for known in PRESETS)
        near = nearest(source.preset, [known.name for known in PRESETS])
        raise CouldNotLook(
            Reason.DATASET_INVALID,
            f"dataset.preset {source.preset!r} is not a known layout"
            + (f"; did you mean {near!r}?" if near else ".")
            + f" Known: auto, none, {names}.",
        )
    return preset


def _quoted(columns: Sequence[str], limit: int = 24) -> str:
    shown = ", ".join(
        column if len(column) <= 60 else column[:57] + "..." for column in columns[:limit]
    )
    return shown + (f" and {len(columns) - limit} more" if len(columns) > limit else "")


def _absent(name: str, column: str, columns: Sequence[str]) -> Problem:
    near = nearest(column, columns)
    return Problem(
        code=ProblemCode.MISSING_COLUMN,
        message=f"columnMapping.{name} names {column!r}, which the dataset does not have"
        + (f"; did you mean {near!r}?" if near else ".")
        + f" Its columns are: {_quoted(columns)}.",
    )


def _absent_in_preset(preset: Preset, column: str, columns: Sequence[str]) -> Problem:
    return Problem(
        code=ProblemCode.MISSING_COLUMN,
        message=f"preset {preset.name} ({preset.title}) needs the column {column!r}; the dataset "
        f"has: {_quoted(columns)}. Write preset: none and a columnMapping instead.",
    )


def _two_prompts(preset: Preset, column: str) -> Problem:
    return Problem(
        code=ProblemCode.AMBIGUOUS_FORMAT,
        message=f"preset {preset.name} ({preset.title}) reads the prompt inside the answers, and "
        f"columnMapping.prompt names {column!r} too; remove one of them: columnMapping.prompt, or the "
        "preset by preset: none.",
    )


def _missing(found: Mapping[str, str], wanted: Mapping[str, str], schema: Schema) -> list[Problem]:
    missing = [name for name in ("chosen", "rejected") if name not in found and name not in wanted]
    if "prompt" not in found and "prompt" not in wanted and _prompt_is_elsewhere(found, schema):
        missing.insert(0, "prompt")
    if not missing:
        return []
    wants = " and ".join(missing) if len(missing) < 3 else "prompt, chosen and rejected"
    noun = "column" if len(missing) == 1 else "columns"
    return [
        Problem(
            code=ProblemCode.MISSING_COLUMN,
            message=f"no {noun} {wants}; the dataset's columns are: {_quoted(list(schema))}.",
        )
    ]


def _prompt_is_elsewhere(found: Mapping[str, str], schema: Schema) -> bool:
    """Whether answers are bare text while a column that by its name is the prompt goes unused."""
    answers = [found[name] for name in ("chosen", "rejected") if name in found]
    if any(schema[column] == "messages" for column in answers):
        return False
    free = [
        column
        for column in schema
        if column not in found.values() and schema[column] in ("text", "messages", "null")
    ]
    return len(answers) < 2 or guess("prompt", free) is not None


def _with_suggestion(
    problems: list[Problem], found: Mapping[str, str], schema: Schema
) -> Resolution:
    """Adds what to write, as far as names decide it; what they leave open, the rows may decide."""
    free = [column for column in schema if column not in found.values()]
    mapping: dict[str, str] = {
        name: column for name, column in found.items() if name != column and name in FIELDS
    }
    for name in ("prompt", "chosen", "rejected"):
        if name in found:
            continue
        column = guess(name, [column for column in free if column not in mapping.values()])
        if column is not None and column != name:
            mapping[name] = column
    text = problems[0].message
    left = [name for name in ("chosen", "rejected") if name not in found and name not in mapping]
    if len(left) == 2:
        pair = undecided_pair([column for column in free if column not in mapping.values()])
        if pair is not None:
            return Resolution(None, problems, answers=Answers.of(*pair, mapping, free))
        text += (
            " None of them looks like a preferred or a rejected answer; DPO needs two answers to "
            "each prompt. If they are there under other names, write in spec.dataset: "
            "columnMapping: {prompt: ..., chosen: ..., rejected: ...}."
        )
        mapping = {}
    elif mapping:
        inner = ", ".join(f"{name}: {as_yaml(col)}" for name, col in _ordered(mapping).items())
        text += f" Write in spec.dataset: columnMapping: {{{inner}}}."
        if left:
            text += f" Name the column of {left[0]} there too."
    else:
        text += (
            " Say which is which in spec.dataset, like "
            "columnMapping: {prompt: ..., chosen: ..., rejected: ...}."
        )
    problems[0] = problems[0].model_copy(update={"message": text})
    suggestion = Suggestion(column_mapping=dict(_ordered(mapping))) if mapping else None
    return Resolution(None, problems, suggestion)


def _ordered(mapping: Mapping[str, str]) -> dict[str, str]:
    return {name: mapping[name] for name in FIELDS if name in mapping}


def _reserved(columns: Sequence[str]) -> list[Problem]:
    named = [column for column in columns if column in RESERVED]
    if not named:
        return []
    return [
        Problem(
            code=ProblemCode.RESERVED_COLUMN,
            message=f"the column {named[0]!r} marks a dataset of images, which DPOJob does not train "
            "on; remove or rename the column if the pairs are text.",
        )
    ]
