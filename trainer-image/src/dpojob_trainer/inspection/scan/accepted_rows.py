"""The rows that training uses: those that inspection accepted, read and validated by the same code."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from dpojob_api.conditions import Reason
from dpojob_api.report import InspectionReport, ProblemCode
from dpojob_api.spec import DPOJobSpec
from dpojob_trainer.inspection.layouts import NATIVE, ColumnLayout, mapped_names, preset_by_name
from dpojob_trainer.inspection.readers import read_source
from dpojob_trainer.inspection.sources import Source, check_unchanged, open_source
from dpojob_trainer.inspection.statistics import held_out, prompt_hashes
from dpojob_trainer.inspection.statistics.suspects import Curation
from dpojob_trainer.inspection.tokenization import LengthCheck, ModelContext
from dpojob_trainer.inspection.validation import BatchValidator
from dpojob_trainer.shared.errors import InspectionError
from dpojob_trainer.shared.rows.accepted_batch import AcceptedBatch
from dpojob_trainer.shared.rows.preference_pair import PreferencePair, comparable_bytes
from dpojob_trainer.shared.rows.row_error import CURATED, LOW_MARGIN

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
        source = open_source(dataset, volumes, token, own_split, evaluation=True).fetch()
        share, expected = 1.0, report.eval_content_hash
    else:
        expected = report.content_hash
        source = open_source(dataset, volumes, token, dataset.split).fetch()
        share = report.eval_cut if own_split is None and report.eval_rows else 0.0
        if split == "eval" and not share:
            return
    has_own_split = split == "eval" and own_split is not None
    dropped = report.eval_dropped if has_own_split else report.dropped
    lengths = _length_check(spec, dropped, volumes, token)
    reader = _PairReader(_validator(spec, report), lengths, source, expected)
    curation = None if has_own_split else _curation(spec, report, reader)
    for pairs in reader.read(curation):
        if not 0 < share < 1:
            yield from (pair.trl_row() for pair in pairs)
            continue
        is_held_out = held_out(prompt_hashes([comparable_bytes(p.prompt) for p in pairs]), share)
        for pair, is_evaluation in zip(pairs, is_held_out.tolist(), strict=True):
            if is_evaluation == (split == "eval"):
                yield pair.trl_row()


@dataclass(frozen=True)
class _PairReader:
    """Reads the accepted pairs of a split, as often as needed."""

    validator: BatchValidator
    lengths: LengthCheck | None
    source: Source
    content_hash: str | None

    def read(self, curation: Curation | None) -> Iterator[list[PreferencePair]]:
        """The accepted pairs batch by batch, without those that the curation leaves out."""
        columns = [*self.validator.layout.used, *(curation.columns if curation else ())]
        batches = read_source(self.source, list(dict.fromkeys(columns)))
        for batch in check_unchanged(batches, self.source, self.content_hash):
            rows = self.validator.validate_rows(batch.rows, batch.start, batch.file.name)
            numbers, pairs = rows.numbers, rows.pairs
            if self.lengths is not None:
                measured = self.lengths.measure(numbers, pairs)
                numbers, pairs = measured.numbers, measured.pairs
            if curation is not None:
                accepted = AcceptedBatch.of_pairs(numbers, pairs)
                kept, _ = curation.apply(batch.rows, batch.start, [accepted])
                by_number = dict(zip(numbers, pairs, strict=True))
                pairs = [by_number[number] for part in kept for number in part.numbers.tolist()]
            yield pairs


def _curation(spec: DPOJobSpec, report: InspectionReport, reader: _PairReader) -> Curation | None:
    """The curation of the inspection's last pass; None where it left nothing out."""
    left_out = CURATED & set(report.dropped)
    if not left_out:
        return None
    curation = Curation.of(spec.dataset.curate, report.mapping)
    if left_out != {LOW_MARGIN}:
        for _ in reader.read(curation):
            pass  # The first pass collects the rows that are compared.
        curation = curation.next_pass() or curation
    return curation


def _validator(spec: DPOJobSpec, report: InspectionReport) -> BatchValidator:
    """The validator of the inspection, by the layout and the format that it found."""
    preset = preset_by_name(report.preset) or NATIVE
    return BatchValidator(
        ColumnLayout.of(mapped_names(report.mapping), spec.dataset.column_mapping, preset),
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
