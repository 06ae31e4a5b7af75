"""Which changes are told as Events."""

from __future__ import annotations

from typing import Any

from tests.kit.builders import NOW, job

from dpojob_api.job import DPOJobStatus
from dpojob_operator.kube.events import conditions_to_report, event, is_warning, warnings


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
    (told,) = conditions_to_report(DPOJobStatus(), new)
    assert is_warning(told) and told.reason == "ModelNotFound"


def test_what_did_not_change_is_not_told_again() -> None:
    old = status(("DatasetValid", "True", "Valid"), ("Planned", "True", "Fits"))
    new = status(
        ("DatasetValid", "True", "Valid"),
        ("Planned", "True", "Fits"),
        ("Training", "True", "Training"),
        ("Suspended", "False", "NotSuspended"),
    )
    assert [c.reason for c in conditions_to_report(old, new)] == ["Training"]


def test_a_refused_creation_is_a_warning() -> None:
    (told,) = conditions_to_report(DPOJobStatus(), status(("Training", "False", "CreationRefused")))
    assert is_warning(told)


def test_what_inspection_warns_of_is_told_when_it_is_new() -> None:
    problems = [
        {"code": "DuplicateRow", "severity": "warning", "rows": 2, "message": "2 rows repeat."},
        {"code": "NullValue", "severity": "error", "rows": 1, "message": "1 row is null."},
    ]
    new = DPOJobStatus.model_validate({"dataset": {"valid": False, "problems": problems}})
    (told,) = warnings(DPOJobStatus(), new)
    assert (told.code, told.message) == ("DuplicateRow", "2 rows repeat.")
    assert warnings(new, new) == []


def test_the_same_event_twice_is_one() -> None:
    first, again, other = (
        event(job(), "Fits", message, NOW, warning=False)["metadata"]["name"] for message in "aab"
    )
    assert first == again != other
