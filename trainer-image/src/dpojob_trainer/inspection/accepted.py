"""The rows that training uses: those that inspection accepted, read and judged by the same code."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

from dpojob_api.report import InspectionReport
from dpojob_api.spec import DPOJobSpec

from .heldout import place
from .layout import FIELDS, Layout
from .messages import Dialect
from .presets import NATIVE, named
from .rows import Format, Pair
from .source import open_source
from .stream import judged, pieces


def layout_of(spec: DPOJobSpec, report: InspectionReport) -> Layout:
    """The layout that inspection settled on."""
    columns = {name: column for name in FIELDS if (column := getattr(report.mapping, name))}
    return Layout(
        columns, Dialect.of(spec.dataset.column_mapping.messages), named(report.preset) or NATIVE
    )


def accepted_rows(
    spec: DPOJobSpec,
    report: InspectionReport,
    volumes: Mapping[str, Path],
    *,
    split: Literal["train", "eval"] = "train",
    token: str | None = None,
) -> Iterator[dict[str, Any]]:
    """Rows as TRL takes them, in the files' order: explicit prompt, chosen and rejected.

    Message lists when the data is conversational or the model has a chat template, else text.
    Raises CouldNotLook when the source has gone or changed.
    """
    dataset = spec.dataset
    layout = layout_of(spec, report)
    chat = report.format == "conversational" or bool(report.model and report.model.chat_template)
    expected: Format | None = None if report.format == "unknown" else report.format
    fraction = dataset.eval.fraction or 0.0
    own_split = dataset.eval.split
    if split == "eval" and own_split is not None:
        source = open_source(dataset, volumes, token, own_split, evaluation=True)
        fraction = 1.0
    elif split == "eval" and not fraction:
        return
    else:
        source = open_source(dataset, volumes, token, dataset.split)
        if report.eval_rows == 0 or own_split is not None:
            if split == "eval":
                return
            fraction = 0.0
    for piece in pieces(source, layout.used):
        for _, found in judged(layout, piece, expected):
            if isinstance(found, Pair) and (place(found) < fraction) == (split == "eval"):
                yield (found.conversation() if chat else found.text()).row()
