"""Inspection from end to end: arguments and model, then every row of the dataset, package by package.

sources -> readers -> columns -> scan of all rows (readers -> validation -> tokenization -> statistics) -> report

What one package returns is passed to the next one, here, or for a batch of rows in `scan.dataset_scan`. Two packages
stand for a part of the walk: `tokenization.ModelContext` opens the model, and `scan.accepted_rows` reads the rows
again that were accepted, for training and for the prompts of an evaluation. Sources fetch files, readers read local
ones, and columns are given the rows that were read. Where a package asks for another pass, it returns that and the
loop is here: the scan until all rows confirm the layout, and the inspections by which a suggestion is tried.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from dpojob_api.conditions import Reason
from dpojob_api.report import InspectionReport, Problem, ProblemCode
from dpojob_api.spec import DPOJobSpec
from dpojob_trainer.shared.errors import InspectionError
from dpojob_trainer.shared.experiment_trackers import check_trackers
from dpojob_trainer.shared.output_check import check_output

from .columns import LayoutDetector, Resolution
from .model import check_adapter, inspect_reward_model, task_warnings
from .readers import read_source
from .report import (
    SuggestionTrials,
    build_report,
    held_out_files,
    with_encodable_names,
    with_suggestion,
)
from .scan import (
    DatasetCounts,
    DatasetScan,
    FirstPass,
    Progress,
    column_names,
    prompt_warnings,
)
from .sources import ContentHash, Source, open_source
from .tokenization import InexactTokens, ModelContext, model_warnings
from .training_arguments import check_arguments, check_pad_token


def inspect(
    spec: DPOJobSpec,
    volumes: Mapping[str, Path],
    *,
    progress: Progress | None = None,
    token: str | None = None,
    uid: str | None = None,
) -> InspectionReport:
    """Inspect a job's arguments, model and dataset.

    Args:
        spec: The job's spec.
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
    check_arguments(spec)
    check_trackers(spec)
    if uid is not None:
        check_output(spec, volumes, uid)
    model = ModelContext.open(spec.model, volumes, token)
    check_pad_token(spec, model.tokenizer)
    check_adapter(model.facts, model.files, model.tokenizer, spec.training.method)
    dataset = spec.dataset
    found = open_source(dataset, volumes, token, dataset.split)
    split = dataset.eval.split
    found_evaluation = (
        open_source(dataset, volumes, token, split, evaluation=True) if split else None
    )
    source = found.fetch()
    evaluation = found_evaluation.fetch() if found_evaluation is not None else None
    opened = _OpenedJob(model, source, evaluation, progress)
    with ContentHash() as content:
        report = opened.report(spec, content)
        report.content_hash = content.hexdigest(source.files)
    if evaluation is not None:
        with ContentHash() as content:
            report.eval_content_hash = content.hexdigest(evaluation.files)
    if spec.evaluation is not None:
        judge = spec.evaluation.judge
        if judge is not None and judge.reward_model is not None:
            report.reward_model_bytes, problems = inspect_reward_model(
                judge.reward_model, volumes, token
            )
            report.problems += problems
        report.problems += task_warnings(spec.evaluation.tasks, volumes)
        if report.valid:
            report.problems += prompt_warnings(spec, report, volumes, token)
    if not report.valid:
        opened.complete_suggestion(spec, report)
    return with_encodable_names(report)


@dataclass(frozen=True)
class _OpenedJob:
    """The model and the dataset of a job, which may be inspected by several specs."""

    model: ModelContext
    source: Source
    evaluation: Source | None
    progress: Progress | None

    def report(self, spec: DPOJobSpec, content: ContentHash | None = None) -> InspectionReport:
        """Inspect all rows by a spec; the files that are read are added to `content`."""
        detector = self._detect_layout(spec)
        scan = DatasetScan(spec, self.model, self.source, self.evaluation, content, self.progress)
        counts = self._scan(scan, detector)
        report = _base_report(self.source, spec.dataset.split, self.model, detector)
        if counts is None:
            return _unreadable_layout_report(report, self.source, detector.resolution)
        return build_report(
            spec,
            report,
            counts.train,
            counts.evaluation,
            counts.duplicates,
            counts.finder.find() if counts.finder else (),
            counts.finder.sample.size if counts.finder else 0,
            self.model.facts,
            model_warnings(self.model, counts.train.format == "conversational"),
        )

    def complete_suggestion(self, spec: DPOJobSpec, report: InspectionReport) -> None:
        """Try what an invalid report suggests, with what else is needed, until it would be valid."""
        trials = SuggestionTrials(spec, report)
        while (trial := trials.next()) is not None:
            try:
                trials.add(trial, self.report(with_suggestion(spec, trial.suggestion)))
            except (InspectionError, ValueError) as problem:
                trials.add_failure(trial, str(problem))
        trials.complete(report)

    def _detect_layout(self, spec: DPOJobSpec) -> LayoutDetector:
        """Read rows of the training split until every column that is needed was seen."""
        detector = LayoutDetector(spec.dataset)
        for batch in read_source(self.source):
            if detector.add_first_rows(batch.rows):
                break
        return detector

    def _scan(self, scan: DatasetScan, detector: LayoutDetector) -> DatasetCounts | None:
        """Scan by the detected layout, and again while all rows show another one.

        Returns:
            The counts; None where the columns have no layout.
        """
        while (layout := detector.resolution.layout) is not None:
            try:
                first = scan.first_pass(layout, detector.kinds)
                if self._confirm(detector, first):
                    return scan.further_passes(first)
            except InexactTokens:
                continue  # The tokens of rows counted before may be wrong; now they are counted exactly.
        return None

    def _confirm(self, detector: LayoutDetector, first: FirstPass) -> bool:
        """Tell whether the columns of all rows confirm the layout of a pass."""
        layout, counts = first.validator.layout, first.counts
        if detector.confirm(layout, counts.train_columns, counts.evaluation_columns):
            return True
        for source in filter(None, (self.source, self.evaluation)):
            for batch in read_source(source):
                detector.add_kinds(batch.rows)
        return detector.confirm_with_kinds(layout)


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
        report.mapping = column_names(resolution.layout, detector.kinds)
        report.preset = resolution.layout.preset.name
    return report


def _unreadable_layout_report(
    report: InspectionReport, source: Source, resolution: Resolution
) -> InspectionReport:
    """The report on a dataset whose columns have no layout; its rows are counted, and their scores."""
    answers, rows = resolution.answers, 0
    for batch in read_source(source, answers.columns if answers else []):
        rows += len(batch.rows)
        if answers and answers.columns:
            answers.count(batch.rows.rows())
    if answers:
        text, report.suggestion = answers.advice()
        report.problems[0].message += f" {text}"
    if not report.columns:
        report.problems.append(
            Problem(code=ProblemCode.EMPTY_DATASET, message=f"{source.name} has no rows.")
        )
    return report.model_copy(update={"rows": rows, "reason": str(Reason.DATASET_INVALID)})
