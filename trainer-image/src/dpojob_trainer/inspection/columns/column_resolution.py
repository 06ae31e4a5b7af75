"""From the columns of a dataset and the user's mapping to a layout, or to a suggested mapping."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from dpojob_api.conditions import Reason
from dpojob_api.report import Problem, ProblemCode, Suggestion
from dpojob_api.spec import DatasetSource
from dpojob_api.spelling import nearest
from dpojob_trainer.shared.errors import InspectionError
from dpojob_trainer.shared.messages import MessageKeyMapping

from .column_layout import FIELDS, ColumnLayout
from .column_types import Schema
from .mapping_suggestions import missing_columns, quoted, suggest_mapping
from .preference_columns import PreferenceColumns
from .presets import NATIVE, PRESETS, Preset, TranscriptStats, preset_by_name, recognize_preset
from .row_sample import Sample
from .unused_columns import unused_column_warnings

RESERVED = ("image", "images")
"""Columns by which TRL's DPOTrainer recognises a dataset of images."""


@dataclass
class Resolution:
    """The layout of the dataset, or the problems because of which it has none."""

    layout: ColumnLayout | None
    problems: list[Problem] = field(default_factory=list)
    suggestion: Suggestion | None = None
    answers: PreferenceColumns | None = None
    """Two answer columns whose names do not tell which one is preferred; scores may."""


def resolve(
    source: DatasetSource, schema: Schema, rows: Sample, transcripts: TranscriptStats | None = None
) -> Resolution:
    """Resolve the layout of a dataset.

    Args:
        source: The spec's dataset, with the user's column mapping and preset.
        schema: The columns seen so far.
        rows: A sample of rows.
        transcripts: The transcript statistics of all rows, once they are known; else the sample's are used.

    Returns:
        The layout with warnings, or problems with suggestions.

    Raises:
        InspectionError: The preset does not exist.
    """
    mapping = {name: column for name in FIELDS if (column := getattr(source.column_mapping, name))}
    message_keys = MessageKeyMapping.of(source.column_mapping.messages)
    preset = _preset(
        source,
        schema,
        mapping,
        transcripts or TranscriptStats.of(row.get("chosen") for row in rows),
    )
    columns = list(schema)
    if not columns:
        return Resolution(None)
    wanted = {**preset.columns, **mapping} if preset is not NATIVE else dict(mapping)
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
        problems += missing_columns(found, wanted, schema, rows)
    if problems:
        return Resolution(None, problems, *suggest_mapping(problems, found, schema, rows))
    unread, suggestion = unused_column_warnings(found, schema, rows, native=preset is NATIVE)
    return Resolution(
        ColumnLayout(found, message_keys, preset), [*_reserved(schema), *unread], suggestion
    )


def _preset(
    source: DatasetSource, schema: Schema, mapping: Mapping[str, str], transcripts: TranscriptStats
) -> Preset:
    if source.preset == "none":
        return NATIVE
    if source.preset == "auto":
        if {"prompt", "chosen", "rejected"} & set(mapping):
            return NATIVE
        return recognize_preset(schema, transcripts) or NATIVE
    preset = preset_by_name(source.preset)
    if preset is None:
        names = ", ".join(known.name for known in PRESETS)
        near = nearest(source.preset, [known.name for known in PRESETS])
        raise InspectionError(
            Reason.DATASET_INVALID,
            f"dataset.preset {source.preset!r} is not a known layout"
            + (f"; did you mean {near!r}?" if near else ".")
            + f" Known: auto, none, {names}.",
        )
    return preset


def _absent(name: str, column: str, columns: Sequence[str]) -> Problem:
    near = nearest(column, columns)
    return Problem(
        code=ProblemCode.MISSING_COLUMN,
        message=f"columnMapping.{name} names {column!r}, which the dataset does not have"
        + (f"; did you mean {near!r}?" if near else ".")
        + f" Its columns are: {quoted(columns)}.",
    )


def _absent_in_preset(preset: Preset, column: str, columns: Sequence[str]) -> Problem:
    return Problem(
        code=ProblemCode.MISSING_COLUMN,
        message=f"preset {preset.name} ({preset.title}) needs the column {column!r}; the dataset "
        f"has: {quoted(columns)}. Write preset: none and a columnMapping instead.",
    )


def _two_prompts(preset: Preset, column: str) -> Problem:
    return Problem(
        code=ProblemCode.AMBIGUOUS_FORMAT,
        message=f"preset {preset.name} ({preset.title}) reads the prompt inside the answers, and "
        f"columnMapping.prompt names {column!r} too; remove one of them: columnMapping.prompt, or the "
        "preset by preset: none.",
    )


def _reserved(schema: Schema) -> list[Problem]:
    named = [column for column in schema if column in RESERVED and schema[column] != "null"]
    if not named:
        return []
    return [
        Problem(
            code=ProblemCode.RESERVED_COLUMN,
            message=f"the column {named[0]!r} marks a dataset of images, which DPOJob does not train "
            "on; remove or rename the column if the pairs are text.",
        )
    ]
