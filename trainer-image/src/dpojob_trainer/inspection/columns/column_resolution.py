"""From the columns of a dataset and the user's mapping to a layout, or to a suggested mapping."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from dpojob_api.conditions import Reason
from dpojob_api.report import Problem, ProblemCode, Suggestion
from dpojob_api.spec import ColumnMapping, DatasetSource
from dpojob_api.spelling import nearest
from dpojob_trainer.inspection.layouts import (
    FIELDS,
    NATIVE,
    PRESETS,
    ColumnLayout,
    Preset,
    Schema,
    TranscriptStats,
    columns_of,
    mapped_names,
    preset_by_name,
    recognize_preset,
    root_column,
    row_preference,
)
from dpojob_trainer.shared.errors import InspectionError

from .answer_columns import named_answers
from .mapping_suggestions import missing_columns, quoted, suggest_mapping
from .nested_pairs import lists_of_answers, objects_as_answers
from .other_datasets import describe_media, media_column
from .preference_columns import PreferenceColumns
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
    mapping = mapped_names(source.column_mapping)
    preset = _preset(
        source,
        schema,
        mapping,
        transcripts or TranscriptStats.of(row.get("chosen") for row in rows),
    )
    columns = columns_of(schema)
    if not columns:
        return Resolution(None)
    wanted = {name: (column,) for name, column in preset.columns.items()} | mapping
    problems = _absent_columns(source.column_mapping, wanted, schema)
    if preset.convert is not None and "prompt" in wanted and "prompt" not in preset.columns:
        return Resolution(None, [_two_prompts(preset, quoted(wanted["prompt"]))])
    for also in preset.also:
        if also not in schema:
            problems.append(_absent_in_preset(preset, also, columns))
    found = {
        name: names for name, names in wanted.items() if all(_is_there(n, schema) for n in names)
    }
    for name, column in _unmapped(preset).items():
        used = [column for names in found.values() for column in names]
        if name not in wanted and column in schema and column not in used:
            found[name] = (column,)
    first = {name: names[0] for name, names in found.items()}
    if preset is NATIVE:
        problems += missing_columns(first, wanted, schema, rows)
    if problems:
        if images := _images(schema, rows):
            return Resolution(None, images)
        return Resolution(None, problems, *suggest_mapping(problems, first, schema, rows))
    if preset is NATIVE:
        nested = lists_of_answers(first, schema, rows) or objects_as_answers(first, schema)
        if nested is not None:
            return Resolution(None, [nested[0]], nested[1])
    named = named_answers(first["chosen"], first["rejected"], schema, rows)
    if named is not None:
        return Resolution(None, [Problem(code=ProblemCode.WRONG_TYPE, message=named[0])], named[1])
    layout = ColumnLayout.of(found, source.column_mapping, preset)
    unread, suggestion = unused_column_warnings(layout, schema, rows)
    media = describe_media([layout.columns["chosen"], layout.columns["rejected"]], rows)
    refused = [Problem(code=ProblemCode.NOT_PREFERENCE, message=media)] if media else []
    return Resolution(layout, [*_images(schema, rows), *refused, *unread], suggestion)


def _is_there(name: str, schema: Schema) -> bool:
    """Whether rows may have a column or a path; the schema has only the common fields of objects."""
    return name in schema or schema.get(root_column(name, schema)) in ("other", "messages", "null")


def _unmapped(preset: Preset) -> Mapping[str, str]:
    """Columns that are used where the dataset has them, by field."""
    if preset is NATIVE:
        return {name: name for name in FIELDS}
    return {"system": "system", "tools": "tools", **preset.optional}


def _absent_columns(
    mapping: ColumnMapping, wanted: Mapping[str, Sequence[str]], schema: Schema
) -> list[Problem]:
    named = [
        (f"columnMapping.{name}", column) for name, columns in wanted.items() for column in columns
    ]
    if (preference := row_preference(mapping)) is not None:
        entry = "verdict" if mapping.scores is None else "scores"
        named += [(f"columnMapping.{entry}", column) for column in preference.columns]
    return [
        _absent(entry, column, columns_of(schema))
        for entry, column in named
        if not _is_there(column, schema)
    ]


def _preset(
    source: DatasetSource,
    schema: Schema,
    mapping: Mapping[str, Sequence[str]],
    transcripts: TranscriptStats,
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


def _absent(entry: str, column: str, columns: Sequence[str]) -> Problem:
    near = nearest(column, columns)
    return Problem(
        code=ProblemCode.MISSING_COLUMN,
        message=f"{entry} names {column!r}, which the dataset does not have"
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


def _images(schema: Schema, rows: Sample) -> list[Problem]:
    """The problem that a dataset is one of images, or of other media."""
    named = [column for column in RESERVED if schema.get(column, "null") != "null"]
    if named:
        return [
            Problem(
                code=ProblemCode.RESERVED_COLUMN,
                message=f"the column {named[0]!r} marks a dataset of images, which DPOJob does not train "
                "on: the model would not see the images that the answers are about. If the pairs are text, "
                "remove or rename the column.",
            )
        ]
    media = media_column(schema, rows)
    if media is None:
        return []
    return [
        Problem(
            code=ProblemCode.NOT_PREFERENCE,
            message=f"the column {media!r} makes this a dataset of images or other media, which DPOJob does "
            "not train on: the model would not see what the answers are about. If the pairs are text, remove "
            "the column.",
        )
    ]
