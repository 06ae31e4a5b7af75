"""The report's compact form, for the 4 KiB of a termination message."""

from __future__ import annotations

from typing import Any

from dpojob_api.constants import TERMINATION_MESSAGE_BYTES
from dpojob_api.report import InspectionReport
from dpojob_trainer.shared.termination_message import encode

TOO_LONG = (
    "The dataset is valid, but the names of its columns, or of the model, are too long for the inspection "
    "pod's termination message (4 KiB). Use shorter names of columns."
)


def summary(
    report: InspectionReport, limit_bytes: int = TERMINATION_MESSAGE_BYTES
) -> dict[str, Any]:
    """Truncate the report until its compact JSON fits a limit.

    Examples and what suspects are go first, their counts last; then long messages, then columns and splits, then the model's long names; counts and
    validity stay. A valid report whose mapping and model do not fit becomes an invalid one that says so,
    because training reads rows by the mapping.

    Args:
        report: The report.
        limit_bytes: The limit, in bytes of UTF-8.

    Returns:
        The JSON object.
    """
    compact = report.model_copy(deep=True)
    for cut in (
        _few_examples,
        _short_messages,
        _few_columns,
        _short_model_names,
        _shorter,
        _shortest,
    ):
        if size_of(compact) <= limit_bytes:
            break
        cut(compact)
    while compact.problems and size_of(compact) > limit_bytes:
        compact.problems.pop()
    if size_of(compact) > limit_bytes:
        compact = _validity(report)
    return compact.wire()


def _validity(report: InspectionReport) -> InspectionReport:
    """The validity and the counts alone."""
    found = next((f"{problem.code}: {problem.message}" for problem in report.errors), "")
    error = TOO_LONG if report.valid else report.error or found or None
    return InspectionReport(
        valid=False,
        reason=_clip(report.reason, 64) if report.reason else None,
        error=_clip(error, 200) if error else None,
        rows=report.rows,
        valid_rows=report.valid_rows,
        dropped_rows=report.dropped_rows,
        train_rows=report.train_rows,
        eval_rows=report.eval_rows,
    )


def size_of(report: InspectionReport) -> int:
    """Measure the report as compact JSON.

    Args:
        report: The report.

    Returns:
        Bytes of UTF-8.
    """
    return len(encode(report.wire()))


def _few_examples(report: InspectionReport) -> None:
    for group in report.suspects:
        group.message, group.examples = "", []
    for problem in report.problems:
        problem.examples = problem.examples[:2]


def _short_messages(report: InspectionReport) -> None:
    for problem in report.problems:
        problem.message = _clip(problem.message, 400)


def _few_columns(report: InspectionReport) -> None:
    report.columns = [_clip(column, 60) for column in report.columns[:20]]
    report.splits = [_clip(split, 60) for split in report.splits[:10]]
    report.files_left_out = [_clip(name, 60) for name in report.files_left_out[:3]]


def _short_model_names(report: InspectionReport) -> None:
    model = report.model
    if model is None:
        return
    model.architecture, model.model_type = (
        _clip(model.architecture, 100),
        _clip(model.model_type, 60),
    )
    model.dtype, model.source = _clip(model.dtype, 60), _clip(model.source, 200)
    model.quantization = _clip(model.quantization, 60) if model.quantization else None


def _shorter(report: InspectionReport) -> None:
    for problem in report.problems:
        problem.message = _clip(problem.message, 160)
        problem.examples = []
    report.error = _clip(report.error, 800) if report.error else None
    report.source = _clip(report.source, 200)
    report.page = None


def _shortest(report: InspectionReport) -> None:
    for problem in report.problems:
        problem.message = _clip(problem.message, 80)
    report.error = _clip(report.error, 300) if report.error else None
    report.source = _clip(report.source, 80)
    report.columns = [_clip(column, 30) for column in report.columns[:6]]
    report.splits = []
    report.files_left_out = []
    report.suspects = []
    report.suggestion = None


def _clip(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"
