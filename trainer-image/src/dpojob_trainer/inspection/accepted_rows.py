"""The rows that training uses: those that inspection accepted, read and judged by the same code."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

from dpojob_api.conditions import Reason
from dpojob_api.report import InspectionReport, ProblemCode
from dpojob_api.spec import DPOJobSpec
from dpojob_trainer.shared.errors import InspectionError
from dpojob_trainer.shared.messages import Dialect
from dpojob_trainer.shared.preference_pair import Format

from .columns.column_layout import FIELDS, Layout
from .columns.presets import NATIVE, named
from .pipeline import judge_of
from .readers.row_stream import pieces
from .sources import open_source
from .statistics.eval_split import held_out
from .statistics.row_hash import prompt_prints
from .tokenization.model_context import Subject
from .validation.row_validator import Judge

BY_TOKENIZER = (
    ProblemCode.PROMPT_TOO_LONG,
    ProblemCode.BAD_MESSAGE,
    ProblemCode.IDENTICAL_PAIR,
)
"""Faults that only tokenizer and template may find."""


def layout_of(spec: DPOJobSpec, report: InspectionReport) -> Layout:
    """The layout that inspection settled on."""
    columns = {name: column for name in FIELDS if (column := getattr(report.mapping, name))}
    return Layout(
        columns, Dialect.of(spec.dataset.column_mapping.messages), named(report.preset) or NATIVE
    )


def in_turns(report: InspectionReport) -> bool:
    """Whether the rows are message lists, not text."""
    return report.format == "conversational" or bool(report.model and report.model.chat_template)


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
    Raises InspectionError when the source has gone or changed.
    """
    if not report.valid:
        raise InspectionError(
            report.reason or Reason.DATASET_INVALID,
            "the dataset was found invalid; it has no rows to use",
        )
    dataset = spec.dataset
    own_split = dataset.eval.split
    if split == "eval" and own_split is not None:
        source = open_source(dataset, volumes, token, own_split, evaluation=True)
        share = 1.0
    else:
        source = open_source(dataset, volumes, token, dataset.split)
        share = report.eval_cut if own_split is None and report.eval_rows else 0.0
        if split == "eval" and not share:
            return
    dropped = report.eval_dropped if split == "eval" and own_split is not None else report.dropped
    judge = _judge(spec, report, dropped, volumes, token)
    for piece in pieces(source, judge.layout.used):
        pairs = judge.pairs(piece)
        if not 0 < share < 1:
            yield from (pair.row() for pair in pairs)
            continue
        held = held_out(prompt_prints(pairs), share)
        for pair, is_held in zip(pairs, held.tolist(), strict=True):
            if is_held == (split == "eval"):
                yield pair.row()


def _judge(
    spec: DPOJobSpec,
    report: InspectionReport,
    dropped: Mapping[str, int],
    volumes: Mapping[str, Path],
    token: str | None,
) -> Judge:
    """The judge of the inspection; tokens are counted again only where they left rows out."""
    expected: Format | None = None if report.format == "unknown" else report.format
    layout = layout_of(spec, report)
    if any(dropped.get(code) for code in BY_TOKENIZER):
        subject = Subject.open(spec.model, volumes, token)
        return judge_of(spec, layout, subject, expected)
    return Judge(layout, bool(report.model and report.model.chat_template), expected)
