"""The inspection report: from a pod's termination message into the status, and back for the planner."""

from __future__ import annotations

from collections.abc import Iterable

from pydantic import ValidationError

from dpojob_api.conditions import Reason
from dpojob_api.constants import ExitCode
from dpojob_api.job import DatasetStatus, DPOJobStatus
from dpojob_api.report import InspectionReport

from .object_snapshots import PodSnapshot

RECREATE_ADVICE = "Correct that, then create this DPOJob again: delete it and apply it anew."
"""Advice for a finished job, which rejects every edit of the inspected fields."""
REPORT_EXITS = (ExitCode.OK, ExitCode.INVALID, ExitCode.UNREADABLE_INPUT)
"""Exit statuses with which the inspection container writes a report."""


def read_report(pods: Iterable[PodSnapshot]) -> InspectionReport | None:
    """Find the report of the first pod that wrote one.

    Args:
        pods: The pods of the inspection Job.

    Returns:
        The report; None when no termination message holds one, or one that is valid without facts about
        the model.
    """
    for pod in sorted(pods, key=lambda pod: (str(pod.finished), pod.name)):
        if pod.exit_code not in REPORT_EXITS or not pod.termination_message:
            continue
        try:
            report = InspectionReport.model_validate_json(pod.termination_message)
        except ValidationError:
            continue  # a crash's traceback, or a message cut short
        if report.valid and report.model is None:
            continue  # inspection, which writes the facts that planning needs, did not write it
        return report
    return None


def dataset_status(report: InspectionReport) -> DatasetStatus:
    """Extract the part of the report that describes the dataset.

    Args:
        report: The inspection report.

    Returns:
        The value of `status.dataset`.
    """
    suggestion = report.suggestion
    return DatasetStatus.model_validate(
        {**dict(report), "suggestion": None if suggestion is None else suggestion.wire()}
    )


def report_from_status(status: DPOJobStatus) -> InspectionReport:
    """Restore the report; what the status does not keep (the list of splits) is left empty.

    Args:
        status: A status with a dataset.

    Returns:
        The report, as planning and training need it.
    """
    assert status.dataset is not None
    known = {name: value for name, value in status.dataset if value is not None}
    return InspectionReport.model_validate({"preset": "none", **known, "model": status.model})


def dataset_valid_reason(report: InspectionReport) -> str:
    """Choose the reason of the condition DatasetValid.

    Args:
        report: The inspection report; its own reason is taken only when this version knows it, since
            reasons are labels of metrics.

    Returns:
        The reason.
    """
    if report.error is not None or not report.valid:
        known = report.reason in frozenset(Reason)
        return report.reason if report.reason and known else Reason.DATASET_INVALID
    if report.dropped_rows:
        return Reason.ROWS_DROPPED
    return Reason.VALID_WITH_WARNINGS if report.warnings else Reason.VALID


def dataset_valid_message(report: InspectionReport) -> str:
    """Compose the message of the condition DatasetValid: a few sentences on what to do first.

    Every problem is in `status.dataset.problems`, and every warning is an Event.

    Args:
        report: The inspection report.

    Returns:
        The message.
    """
    if report.error:
        return report.error
    if not report.valid:
        texts = [
            problem.message or f"{problem.code}: {problem.rows:,} rows."
            for problem in report.errors
        ]
        first = next(iter(texts), "The dataset is not valid.")
        codes = ", ".join(problem.code for problem in report.errors[1:])
        more = [f"Further errors in status.dataset.problems: {codes}."] if codes else []
        return " ".join([first, *more, *_columns(report, first), *_advice(report, first)])
    counted = f"{report.valid_rows:,} of {report.rows:,} rows are valid"
    if report.dropped_rows:
        kinds = ", ".join(f"{rows:,} {code}" for code, rows in report.dropped.items())
        counted += f"; {report.dropped_rows:,} left out ({kinds})"
    held_out = f"{report.train_rows:,} to train on and {report.eval_rows:,} held out."
    warnings = ", ".join(problem.code for problem in report.warnings)
    warned = [f"Warnings in status.dataset.problems: {warnings}."] if warnings else []
    return " ".join([f"{counted}: {held_out}", *warned])


def _columns(report: InspectionReport, message: str) -> list[str]:
    columns = ", ".join(report.columns)
    return [f"Columns found: {columns}."] if columns and columns not in message else []


def _advice(report: InspectionReport, message: str) -> list[str]:
    suggestion = report.suggestion
    if suggestion is None:
        return []
    return [
        f"Write {line}."
        for line in suggestion.lines()
        if line.removeprefix("spec.dataset.") not in message
    ]
