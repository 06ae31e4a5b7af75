"""Which changes are told as Events."""

from __future__ import annotations

from typing import Any

from tests.operator.decided import NOW, job

from dpojob_api.job import DPOJobStatus
from dpojob_operator.events import event, worth_telling


def status(*conditions: tuple[str, str, str]) -> DPOJobStatus:
    made: list[dict[str, Any]] = [
        {"type": type_, "status": value, "reason": reason, "message": f"About {reason}."}
        for type_, value, reason in conditions
    ]
    return DPOJobStatus.model_validate({"conditions": made})


def test_a_failure_is_told_once_and_as_a_warning() -> None:
    new = status(
        ("DatasetValid", "False", "ModelNotFound"),
        ("Failed", "True", "ModelNotFound"),
        ("Finished", "True", "ModelNotFound"),
        ("Stalled", "True", "ModelNotFound"),
    )
    (told,) = worth_telling(DPOJobStatus(), new)
    made = event(job(), told, NOW)
    assert (made["type"], made["reason"]) == ("Warning", "ModelNotFound")


def test_what_did_not_change_is_not_told_again() -> None:
    old = status(("DatasetValid", "True", "Valid"), ("Planned", "True", "Fits"))
    new = status(
        ("DatasetValid", "True", "Valid"),
        ("Planned", "True", "Fits"),
        ("Training", "True", "Training"),
        ("Suspended", "False", "NotSuspended"),
    )
    assert [c.reason for c in worth_telling(old, new)] == ["Training"]
