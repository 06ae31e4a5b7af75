"""The rows that training uses: those that inspection accepted, read and validated by the same code."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

from dpojob_api.conditions import Reason
from dpojob_api.report import InspectionReport, ProblemCode
from dpojob_api.spec import DPOJobSpec
from dpojob_trainer.shared.errors import InspectionError
from dpojob_trainer.shared.messages import MessageKeyMapping
from dpojob_trainer.shared.preference_pair import comparable_bytes

from .columns import FIELDS, NATIVE, ColumnLayout, preset_by_name
from .readers import read_source
from .sources import check_unchanged, open_source
from .statistics import held_out, prompt_hashes
from .tokenization import LengthCheck, ModelContext
from .validation import RowValidator

TOKENIZER_ERRORS = (
    ProblemCode.PROMPT_TOO_LONG,
    ProblemCode.BAD_MESSAGE,
    ProblemCode.IDENTICAL_PAIR,
)
"""Codes of errors that may have been found by tokenizer and template only."""


def is_conversational(report: InspectionReport) -> bool:
    """Tell whether training gets message lists, not text.

    Args:
        report: The inspection report.

    Returns:
        Whether the rows of `accepted_rows` hold message lists.
    """
    return report.format == "conversational" or bool(report.model and report.model.chat_template)


def accepted_rows(
    spec: DPOJobSpec,
    report: InspectionReport,
    volumes: Mapping[str, Path],
    *,
    split: Literal["train", "eval"] = "train",
    token: str | None = None,
) -> Iterator[dict[str, Any]]:
    """Read the rows as TRL takes them: explicit prompt, chosen and rejected.

    Args:
        spec: The job's spec.
        report: The report of its inspection.
        volumes: The directory at which each claim is mounted.
        split: Which rows to read.
        token: A token for the Hugging Face hub.

    Yields:
        The rows in the files' order; message lists when the data is conversational or the model has
        a chat template, else text.

    Raises:
        InspectionError: The report is not valid, or the source is gone or has changed. That it has
            changed may be known only after the last row.
    """
    if not report.valid:
        raise InspectionError(
            report.reason or Reason.DATASET_INVALID,
            "the dataset was found invalid; it has no rows to use",
        )
    dataset = spec.dataset
    if report.revision is not None:
        # The branch may have moved since the inspection.
        dataset = dataset.model_copy(update={"revision": report.revision})
    own_split = dataset.eval.split
    if split == "eval" and own_split is not None:
        source = open_source(dataset, volumes, token, own_split, evaluation=True)
        share, expected = 1.0, report.eval_content_hash
    else:
        expected = report.content_hash
        source = open_source(dataset, volumes, token, dataset.split)
        share = report.eval_cut if own_split is None and report.eval_rows else 0.0
        if split == "eval" and not share:
            return
    dropped = report.eval_dropped if split == "eval" and own_split is not None else report.dropped
    validator = _validator(spec, report)
    lengths = _length_check(spec, dropped, volumes, token)
    batches = read_source(source, validator.layout.used)
    for batch in check_unchanged(batches, source, expected):
        rows = validator.validate_rows(batch.rows, batch.start, batch.file.name)
        pairs = rows.pairs if lengths is None else lengths.measure(rows.numbers, rows.pairs).pairs
        if not 0 < share < 1:
            yield from (pair.trl_row() for pair in pairs)
            continue
        is_held_out = held_out(prompt_hashes([comparable_bytes(p.prompt) for p in pairs]), share)
        for pair, is_evaluation in zip(pairs, is_held_out.tolist(), strict=True):
            if is_evaluation == (split == "eval"):
                yield pair.trl_row()


def _validator(spec: DPOJobSpec, report: InspectionReport) -> RowValidator:
    """The validator of the inspection, by the layout and the format that it found."""
    columns = {name: column for name in FIELDS if (column := getattr(report.mapping, name))}
    messages = MessageKeyMapping.of(spec.dataset.column_mapping.messages)
    return RowValidator(
        ColumnLayout(columns, messages, preset_by_name(report.preset) or NATIVE),
        bool(report.model and report.model.chat_template),
        None if report.format == "unknown" else report.format,
    )


def _length_check(
    spec: DPOJobSpec, dropped: Mapping[str, int], volumes: Mapping[str, Path], token: str | None
) -> LengthCheck | None:
    """The length check of the inspection, only where it may have dropped rows."""
    if not any(dropped.get(code) for code in TOKENIZER_ERRORS):
        return None
    return LengthCheck.of(spec.training, ModelContext.open(spec.model, volumes, token))
