"""The inspection report: from a pod's last word into status, and out of it again for the planner."""

from __future__ import annotations

from collections.abc import Iterable

from pydantic import ValidationError

from dpojob_api.conditions import Reason
from dpojob_api.constants import ExitCode
from dpojob_api.job import DatasetStatus, DPOJobStatus
from dpojob_api.report import InspectionReport, Suggestion
from dpojob_operator.decide.object_snapshots import PodSnapshot

REPORT_EXITS = (ExitCode.OK, ExitCode.INVALID, ExitCode.COULD_NOT_LOOK)


def read_report(pods: Iterable[PodSnapshot]) -> InspectionReport | None:
    """The report of the first pod that wrote one."""
    for pod in sorted(pods, key=lambda pod: (str(pod.finished), pod.name)):
        if pod.exit_code not in REPORT_EXITS or not pod.termination_message:
            continue
        try:
            return InspectionReport.model_validate_json(pod.termination_message)
        except ValidationError:
            continue  # a crash's traceback, or a message cut short
    return None


def dataset_status(report: InspectionReport) -> DatasetStatus:
    """The part of the report that describes the dataset."""
    wire = report.wire()
    return DatasetStatus.model_validate(wire)


def report_from_status(status: DPOJobStatus) -> InspectionReport:
    """The report again; what status does not keep (the list of splits) is left empty."""
    assert status.dataset is not None
    wire = status.dataset.wire()
    suggestion = wire.pop("suggestion", None)
    report = InspectionReport.model_validate({"preset": "none", **wire})
    return report.model_copy(
        update={"model": status.model, "suggestion": Suggestion.read(suggestion)}
    )


def dataset_valid_reason(report: InspectionReport) -> str:
    """The reason of condition DatasetValid."""
    if report.error is not None or not report.valid:
        known = report.reason in frozenset(Reason)
        return report.reason if report.reason and known else Reason.DATASET_INVALID
    if report.dropped_rows:
        return Reason.ROWS_DROPPED
    return Reason.VALID_WITH_WARNINGS if report.warnings else Reason.VALID


def dataset_valid_message(report: InspectionReport) -> str:
    """What a user should read first about the dataset, and what to write; the rest is in status.

    A few sentences: every problem is in `status.dataset.problems`, every warning an Event.
    """
    if report.error:
        return report.error
    if not report.valid:
        texts = [
            problem.message or f"{problem.code}: {problem.rows:,} rows."
            for problem in report.errors
        ]
        said = next(iter(texts), "The dataset is not valid.")
        codes = ", ".join(problem.code for problem in report.errors[1:])
        more = [f"Also, told in status.dataset.problems: {codes}."] if codes else []
        return " ".join([said, *more, *_columns(report, said), *_advice(report, said)])
    counted = f"{report.valid_rows:,} of {report.rows:,} rows are valid"
    if report.dropped_rows:
        kinds = ", ".join(f"{rows:,} {code}" for code, rows in report.dropped.items())
        counted += f"; {report.dropped_rows:,} left out ({kinds})"
    held_out = f"{report.train_rows:,} to train on and {report.eval_rows:,} held out."
    warnings = ", ".join(problem.code for problem in report.warnings)
    told = [f"Warnings, told in status.dataset.problems: {warnings}."] if warnings else []
    return " ".join([f"{counted}: {held_out}", *told])


def _columns(report: InspectionReport, said: str) -> list[str]:
    columns = ", ".join(report.columns)
    return [f"Columns found: {columns}."] if columns and columns not in said else []


def _advice(report: InspectionReport, said: str) -> list[str]:
    suggestion = report.suggestion
    if suggestion is None:
        return []
    wanted = []
    if suggestion.column_mapping:
        pairs = ", ".join(f"{key}: {value}" for key, value in suggestion.column_mapping.items())
        wanted.append(f"columnMapping: {{{pairs}}}")
    if suggestion.split:
        wanted.append(f"split: {suggestion.split}")
    if suggestion.preset:
        wanted.append(f"preset: {suggestion.preset}")
    return [f"Write spec.dataset.{field}." for field in wanted if field not in said]
