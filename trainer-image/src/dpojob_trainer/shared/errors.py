"""The error of an inspection that cannot be made, as opposed to a report on what was read."""

from __future__ import annotations

from collections.abc import Sequence

from dpojob_api.conditions import Reason
from dpojob_api.report import InspectionReport


class InspectionError(Exception):
    """The dataset, the model or the spec cannot be inspected; exit status 2.

    `reason` is a condition reason such as DatasetNotFound; `message` says what happened and what to
    change, for the user.
    """

    def __init__(self, reason: Reason | str, message: str) -> None:
        super().__init__(message)
        self.reason = str(reason)
        self.message = message

    def report(self) -> InspectionReport:
        """The report that carries this to the resource: not valid, with reason and error."""
        return InspectionReport(valid=False, reason=self.reason, error=self.message)


class DatasetNotFound(InspectionError):
    """There is no such dataset, split or file, or no access to it."""

    def __init__(self, message: str) -> None:
        super().__init__(Reason.DATASET_NOT_FOUND, message)


class DatasetUnreadable(InspectionError):
    """The file exists and cannot be read in the format of its name."""

    def __init__(self, message: str) -> None:
        super().__init__(Reason.DATASET_UNREADABLE, message)


class ModelNotFound(InspectionError):
    """There is no such model, or no access to it."""

    def __init__(self, message: str) -> None:
        super().__init__(Reason.MODEL_NOT_FOUND, message)


class ModelUnreadable(InspectionError):
    """The model's config, tokenizer or weight headers cannot be read."""

    def __init__(self, message: str) -> None:
        super().__init__(Reason.MODEL_UNREADABLE, message)


def require_unique_columns(name: str, columns: Sequence[str]) -> None:
    """Raise when a file has two columns of one name, since either could be meant."""
    seen: set[str] = set()
    for column in columns:
        if column in seen:
            raise DatasetUnreadable(
                f"{name} has two columns named {column[:60]!r}; rename or remove one"
            )
        seen.add(column)
