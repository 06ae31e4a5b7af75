"""Inspection from end to end: the spec, the model, then every row."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

from dpojob_api.conditions import Reason
from dpojob_api.report import InspectionReport, Problem, ProblemCode
from dpojob_api.spec import DPOJobSpec
from dpojob_trainer.shared.output_check import check_output
from dpojob_trainer.shared.preference_pair import Format

from .columns.column_layout import Layout
from .columns.column_resolution import Resolution
from .columns.layout_detection import Columns
from .dataset_scan import Advance, Scan, scan
from .model import check_adapter
from .readers.row_stream import pieces
from .report.report_builder import Scans, verdict
from .sources import ContentHash, Source, open_source, scratch_directory
from .statistics.duplicates import Fingerprints
from .statistics.token_lengths import LengthFigures, Unit
from .tokenization.model_context import Subject
from .training_arguments import check_arguments, check_pad_token, check_trackers
from .validation.row_validator import Judge

Progress = Callable[[int, int | None], None]
"""Called now and then with the rows done and the rows there are, as far as that can be told."""


def inspect(
    manifest: DPOJobSpec,
    volumes: Mapping[str, Path],
    *,
    progress: Progress | None = None,
    token: str | None = None,
    uid: str | None = None,
) -> InspectionReport:
    """The verdict on a job's arguments, model and dataset. `volumes` gives each claim a directory.

    `uid` is the DPOJob's, by which its own finished output is known; None leaves the output unchecked.
    Raises InspectionError when the model or the dataset is not there or cannot be read, when
    `training.arguments` cannot be, or when the output directory is another job's.
    """
    check_arguments(manifest)
    check_trackers(manifest)
    if uid is not None:
        check_output(manifest, volumes, uid)
    subject = Subject.open(manifest.model, volumes, token)
    check_pad_token(manifest, subject.tokenizer)
    check_adapter(subject.facts, subject.files, subject.tokenizer, manifest.training.method)
    dataset = manifest.dataset
    source = open_source(dataset, volumes, token, dataset.split)
    held = dataset.eval.split
    evaluation = open_source(dataset, volumes, token, held, evaluation=True) if held else None
    with ContentHash() as content:
        columns = Columns.look(dataset, source, evaluation)
        scans = _scans(manifest, source, evaluation, columns, subject, content, progress)
        resolution = columns.resolution
        report = InspectionReport(
            valid=False,
            columns=list(columns.kinds),
            problems=resolution.problems,
            suggestion=resolution.suggestion,
            model=subject.facts,
            source=source.name,
            revision=source.revision,
            splits=source.splits,
            files_left_out=source.files_without_split,
        )
        if resolution.layout is None or scans is None:
            report = _unread(report, source, resolution)
        else:
            report = verdict(manifest, report, resolution.layout, subject, scans)
        report.content_hash = content.hexdigest(source.files)
    return _writable(report)


def _writable(report: InspectionReport) -> InspectionReport:
    """Names and messages as UTF-8 can hold them: JSON files may name columns by half a character."""
    report.columns = [_text(column) for column in report.columns]
    for problem in report.problems:
        problem.message = _text(problem.message)
    for name, column in report.mapping.wire().items():
        setattr(report.mapping, name, _text(column))
    return report


def _text(text: str) -> str:
    return text.encode(errors="backslashreplace").decode()


def _unread(report: InspectionReport, source: Source, resolution: Resolution) -> InspectionReport:
    """The report on a dataset whose columns do not fit; its rows are counted, and their scores."""
    answers, rows = resolution.answers, 0
    for piece in pieces(source, answers.scores if answers and answers.scores else []):
        rows += len(piece.chunk)
        if answers and answers.scores:
            answers.count(piece.chunk.rows())
    if answers:
        text, report.suggestion = answers.advice()
        report.problems[0].message += f" {text}"
    if not report.columns:
        report.problems.append(
            Problem(code=ProblemCode.EMPTY_DATASET, message=f"{source.name} has no rows.")
        )
    return report.model_copy(update={"rows": rows, "reason": str(Reason.DATASET_INVALID)})


def _scans(
    manifest: DPOJobSpec,
    source: Source,
    evaluation: Source | None,
    columns: Columns,
    subject: Subject,
    content: ContentHash,
    progress: Progress | None,
) -> Scans | None:
    """Both splits, by the layout that all columns come to; None where they come to none.

    When both formats occur, again: only the whole data tells which one is at fault.
    """
    read = partial(
        _pass,
        manifest=manifest,
        source=source,
        evaluation=evaluation,
        content=content,
        progress=progress,
    )
    while (layout := columns.resolution.layout) is not None:
        judge = judge_of(manifest, layout, subject)
        found = read(judge)
        if columns.settled(found.train.kinds, found.evaluation_kinds, votes=found.train.votes):
            return read(replace(judge, expected=found.train.format)) if found.mixed else found
    return None


def judge_of(
    manifest: DPOJobSpec, layout: Layout, subject: Subject, expected: Format | None = None
) -> Judge:
    """The judge that inspection and training share."""
    training = manifest.training
    cuts_end = training.arguments.get("truncation_mode", "keep_start") == "keep_start"
    return Judge(
        layout,
        subject.facts.chat_template,
        expected,
        subject.counter(),
        training.max_length if cuts_end else None,
    )


def _pass(
    judge: Judge,
    manifest: DPOJobSpec,
    source: Source,
    evaluation: Source | None,
    content: ContentHash,
    progress: Progress | None,
) -> Scans:
    limit = manifest.training.max_length
    unit: Unit = "tokens" if judge.counter is not None else "characters"
    with Fingerprints(scratch_directory()) as prints:
        advance = _advance(source, progress)
        train = scan(judge, source, prints, LengthFigures(limit, unit), content.add, advance)
        held: Scan | None = None
        if evaluation is not None:
            figures = LengthFigures(limit, unit)
            held = scan(
                judge, evaluation, prints, figures, lambda _: None, lambda *_: None, evaluation=True
            )
        return Scans(train, held, prints.repeats())


def _advance(source: Source, progress: Progress | None) -> Advance:
    """Turns bytes read into rows expected."""

    def advance(rows: int, done: int) -> None:
        if progress is not None:
            total = source.stored_bytes
            progress(rows, rows * total // done if 0 < done <= total else None)

    return advance
