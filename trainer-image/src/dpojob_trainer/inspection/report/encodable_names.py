"""Names of columns that UTF-8 cannot encode, escaped."""

from __future__ import annotations

from dpojob_api.report import InspectionReport


def with_encodable_names(report: InspectionReport) -> InspectionReport:
    """Escape what UTF-8 cannot encode: JSON files may name columns by an unpaired surrogate.

    Args:
        report: The report, which is changed.

    Returns:
        The same report.
    """
    report.columns = [_encodable(column) for column in report.columns]
    for problem in report.problems:
        problem.message = _encodable(problem.message)
    for name, columns in report.mapping:
        if columns is not None:
            is_one = isinstance(columns, str)
            setattr(
                report.mapping, name, _encodable(columns) if is_one else [*map(_encodable, columns)]
            )
    return report


def _encodable(text: str) -> str:
    return text.encode(errors="backslashreplace").decode()
