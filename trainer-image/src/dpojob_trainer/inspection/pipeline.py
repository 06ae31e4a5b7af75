"""Inspection from end to end: arguments and model, then every row of the dataset, stage by stage.

sources -> readers -> columns -> validation (-> tokenization) -> statistics -> report

Stages do not call each other: each batch of rows comes back here from one stage and goes on to the
next.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from dpojob_api.conditions import Reason
from dpojob_api.report import InspectionReport, Problem, ProblemCode
from dpojob_api.report import Mapping as ColumnNames
from dpojob_api.spec import DPOJobSpec
from dpojob_trainer.shared.accepted_batch import AcceptedBatch
from dpojob_trainer.shared.experiment_trackers import check_trackers
from dpojob_trainer.shared.output_check import check_output
from dpojob_trainer.shared.row_batch import RowBatch
from dpojob_trainer.shared.row_error import RowError

from .columns import LayoutDetector, ObservedColumns, Resolution
from .layouts import ColumnLayout
from .model import check_adapter
from .readers import NumberedBatch, prefetched, read_source, split_batches
from .report import build_report, held_out_files, with_encodable_names
from .sources import ContentHash, Source, open_source, scratch_directory
from .statistics import (
    DuplicateFinder,
    DuplicateStatistics,
    LengthStatistics,
    SplitStatistics,
    Unit,
)
from .suspects import Curation, ScoreColumns, SuspectFinder
from .tokenization import LengthCheck, ModelContext, model_warnings
from .training_arguments import check_arguments, check_pad_token
from .validation import RowValidator

ROWS_PER_STEP = 1024
"""Rows between two progress reports where tokens are counted, about a second of work."""

Progress = Callable[[int, int | None], None]
"""Called now and then with the rows done and an estimate of all rows, None while there is none."""


def inspect(
    manifest: DPOJobSpec,
    volumes: Mapping[str, Path],
    *,
    progress: Progress | None = None,
    token: str | None = None,
    uid: str | None = None,
) -> InspectionReport:
    """Inspect a job's arguments, model and dataset.

    Args:
        manifest: The job's spec.
        volumes: The directory at which each claim is mounted.
        progress: Called after each batch of rows.
        token: A token for the Hugging Face hub.
        uid: The DPOJob's, by which its own finished output is recognised; None leaves the output
            directory unchecked.

    Returns:
        The report, valid or not.

    Raises:
        InspectionError: The model or the dataset does not exist or cannot be read,
            `training.arguments` cannot be used, or the output directory belongs to another job.
    """
    check_arguments(manifest)
    check_trackers(manifest)
    if uid is not None:
        check_output(manifest, volumes, uid)
    model = ModelContext.open(manifest.model, volumes, token)
    check_pad_token(manifest, model.tokenizer)
    check_adapter(model.facts, model.files, model.tokenizer, manifest.training.method)
    dataset = manifest.dataset
    source = open_source(dataset, volumes, token, dataset.split)
    split = dataset.eval.split
    evaluation = open_source(dataset, volumes, token, split, evaluation=True) if split else None
    with ContentHash() as content:
        detector = LayoutDetector.detect(
            dataset,
            [lambda: _batches(source)] + ([lambda: _batches(evaluation)] if evaluation else []),
        )
        scan = _DatasetScan(manifest, model, source, evaluation, content, progress)
        counts = scan.until_confirmed(detector)
        report = _base_report(source, dataset.split, model, detector)
        if counts is None:
            report = _unreadable_layout_report(report, source, detector.resolution)
        else:
            report = build_report(
                manifest,
                report,
                counts.train,
                counts.evaluation,
                counts.duplicates,
                counts.finder.find() if counts.finder else (),
                counts.finder.sample.size if counts.finder else 0,
                model.facts,
                model_warnings(model, counts.train.format == "conversational"),
            )
        report.content_hash = content.hexdigest(source.files)
    if evaluation is not None:
        with ContentHash() as content:
            report.eval_content_hash = content.hexdigest(evaluation.files)
    return with_encodable_names(report)


def _batches(source: Source, columns: list[str] | None = None) -> Iterator[RowBatch]:
    return (batch.rows for batch in read_source(source, columns))


@dataclass(frozen=True)
class _Counts:
    """What was counted over the dataset."""

    train: SplitStatistics
    evaluation: SplitStatistics | None
    duplicates: DuplicateStatistics
    train_columns: ObservedColumns
    evaluation_columns: ObservedColumns | None
    finder: SuspectFinder | None = None
    """The rows to compare, those that are left out after the comparison included."""

    @property
    def has_mixed_formats(self) -> bool:
        """Whether both formats occur, so that rows of the rarer one of train are errors."""
        evaluation = self.evaluation.formats if self.evaluation else ()
        return len({*self.train.formats, *evaluation}) > 1


@dataclass(frozen=True)
class _DatasetScan:
    """Passes over all rows of both splits."""

    manifest: DPOJobSpec
    model: ModelContext
    source: Source
    evaluation: Source | None
    content: ContentHash
    progress: Progress | None

    def until_confirmed(self, detector: LayoutDetector) -> _Counts | None:
        """Scan by the detected layout, and again while all rows show another one.

        When both formats occur there is one more pass, since only all rows tell which is the rarer;
        and one more where a comparison of the rows finds some that `dataset.curate` leaves out.

        Returns:
            The counts; None where the columns have no layout.
        """
        while (layout := detector.resolution.layout) is not None:
            lengths = LengthCheck.of(self.manifest.training, self.model)
            validator = RowValidator(layout, self.model.facts.chat_template)
            columns = _column_names(layout, detector.kinds)
            curation = Curation.of(self.manifest.dataset.curate, columns)
            counts = self._both_splits(validator, lengths, curation)
            if detector.confirm(counts.train_columns, counts.evaluation_columns):
                if counts.has_mixed_formats:
                    validator = replace(validator, expected_format=counts.train.format)
                    curation = Curation.of(self.manifest.dataset.curate, columns)
                    counts = self._both_splits(validator, lengths, curation)
                if (last := curation.next_pass()) is not None:
                    counts = self._both_splits(validator, lengths, last)
                return replace(counts, finder=curation.finder)
        return None

    def _both_splits(
        self, validator: RowValidator, lengths: LengthCheck | None, curation: Curation
    ) -> _Counts:
        unit: Unit = "characters" if lengths is None else "tokens"
        max_length = self.manifest.training.max_length
        with DuplicateFinder(scratch_directory()) as finder:
            train = SplitStatistics(LengthStatistics(max_length, unit), finder)
            train_columns = self._train_split(validator, lengths, train, curation)
            if self.evaluation is None:
                return _Counts(train, None, finder.statistics(), train_columns, None)
            held_out = SplitStatistics(LengthStatistics(max_length, unit), finder, True)
            columns = ObservedColumns()
            for batch in _read(self.evaluation, validator, lengths):
                columns.add(batch.rows)
                held_out.add(len(batch.rows), *_validate(batch, validator, lengths))
            return _Counts(train, held_out, finder.statistics(), train_columns, columns)

    def _train_split(
        self,
        validator: RowValidator,
        lengths: LengthCheck | None,
        statistics: SplitStatistics,
        curation: Curation,
    ) -> ObservedColumns:
        columns = ObservedColumns()
        file = None
        for batch in _read(self.source, validator, lengths, curation.columns):
            if batch.file is not file:
                file = batch.file
                self.content.add(file)
            columns.add(batch.rows)
            accepted, errors = _validate(batch, validator, lengths)
            columns.add_transcripts(validator.layout, batch.rows, batch.start, accepted)
            kept, left_out = curation.apply(batch.rows, batch.start, accepted)
            statistics.add(len(batch.rows), kept, errors + left_out)
            self._report_progress(statistics.rows, batch.consumed)
        return columns

    def _report_progress(self, rows: int, consumed: int) -> None:
        """Report the rows done, with all rows estimated from the bytes that were read."""
        if self.progress is not None:
            total = self.source.stored_bytes
            self.progress(rows, rows * total // consumed if 0 < consumed <= total else None)


def _read(
    source: Source,
    validator: RowValidator,
    lengths: LengthCheck | None,
    more_columns: Sequence[str] = (),
) -> Iterator[NumberedBatch]:
    """Read the columns that validation needs, and some more, one batch ahead."""
    columns = list(dict.fromkeys([*validator.layout.used, *more_columns]))
    read = prefetched(read_source(source, columns))
    return read if lengths is None else split_batches(read, ROWS_PER_STEP)


def _validate(
    batch: NumberedBatch, validator: RowValidator, lengths: LengthCheck | None
) -> tuple[list[AcceptedBatch], list[tuple[int, RowError]]]:
    """Validate a batch; with a tokenizer every row is made a pair, since its tokens are counted."""
    if lengths is None:
        rows = validator.validate(batch.rows, batch.start, batch.file.name)
        return rows.accepted(), rows.errors
    rows = validator.validate_rows(batch.rows, batch.start, batch.file.name)
    measured = lengths.measure(rows.numbers, rows.pairs)
    accepted = AcceptedBatch.of_pairs(measured.numbers, measured.pairs, measured.lengths)
    return [accepted], rows.errors + measured.errors


def _column_names(layout: ColumnLayout, columns: Iterable[str]) -> ColumnNames:
    """The columns that are read; where a preset swaps answers, no score is known to be chosen's."""
    swaps = (
        layout.preset.convert is not None and not layout.preset.transcripts
    ) or layout.verdict is not None
    scores = None if swaps else ScoreColumns.find(columns, layout.columns)
    if scores is None:
        return layout.mapping
    return layout.mapping.model_copy(
        update={"chosen_score": scores.chosen, "rejected_score": scores.rejected}
    )


def _base_report(
    source: Source, split: str, model: ModelContext, detector: LayoutDetector
) -> InspectionReport:
    """The report of source, model and columns, before any row is taken into account."""
    resolution = detector.resolution
    held_out = held_out_files([file.name for file in source.files], split)
    report = InspectionReport(
        valid=False,
        columns=detector.columns,
        problems=[*resolution.problems, *held_out],
        suggestion=resolution.suggestion,
        model=model.facts,
        source=source.name,
        revision=source.revision,
        splits=source.splits,
        files_left_out=source.files_without_split,
    )
    if resolution.layout is not None:
        report.mapping = _column_names(resolution.layout, detector.kinds)
        report.preset = resolution.layout.preset.name
    return report


def _unreadable_layout_report(
    report: InspectionReport, source: Source, resolution: Resolution
) -> InspectionReport:
    """The report on a dataset whose columns have no layout; its rows are counted, and their scores."""
    answers, rows = resolution.answers, 0
    for batch in _batches(source, list(answers.scores or ()) if answers else []):
        rows += len(batch)
        if answers and answers.scores:
            answers.count(batch.rows())
    if answers:
        text, report.suggestion = answers.advice()
        report.problems[0].message += f" {text}"
    if not report.columns:
        report.problems.append(
            Problem(code=ProblemCode.EMPTY_DATASET, message=f"{source.name} has no rows.")
        )
    return report.model_copy(update={"rows": rows, "reason": str(Reason.DATASET_INVALID)})
