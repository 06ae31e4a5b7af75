"""Which changes are reported as Events."""

from __future__ import annotations

from typing import Any

import pytest
from tests.kit.builders import NOW, job

from dpojob_api.job import DPOJobStatus
from dpojob_operator.kube.events import (
    conditions_to_report,
    event,
    events_of,
    is_warning,
    warnings,
)


def status(*conditions: tuple[str, str, str]) -> DPOJobStatus:
    made: list[dict[str, Any]] = [
        {"type": type_, "status": value, "reason": reason, "message": f"About {reason}."}
        for type_, value, reason in conditions
    ]
    return DPOJobStatus.model_validate({"conditions": made})


def test_a_failure_is_reported_once_and_as_a_warning() -> None:
    new = status(
        ("DatasetValid", "False", "ModelNotFound"),
        ("Failed", "True", "ModelNotFound"),
        ("Finished", "True", "ModelNotFound"),
        ("Stalled", "True", "ModelNotFound"),
    )
    (reported,) = conditions_to_report(DPOJobStatus(), new)
    assert is_warning(reported) and reported.reason == "ModelNotFound"


def test_unchanged_conditions_are_not_reported_again() -> None:
    old = status(("DatasetValid", "True", "Valid"), ("Planned", "True", "Fits"))
    new = status(
        ("DatasetValid", "True", "Valid"),
        ("Planned", "True", "Fits"),
        ("Training", "True", "Training"),
        ("Suspended", "False", "NotSuspended"),
    )
    assert [c.reason for c in conditions_to_report(old, new)] == ["Training"]


@pytest.mark.parametrize(
    "reason",
    ["CreationRefused", "QuotaExceeded", "CostQuotaExceeded", "NoNodeFits", "ImagePullFailed"],
)
def test_an_obstacle_that_a_person_must_remove_is_a_warning(reason: str) -> None:
    (reported,) = conditions_to_report(DPOJobStatus(), status(("Training", "False", reason)))
    assert is_warning(reported)


def test_warnings_of_an_inspection_are_reported_once() -> None:
    problems = [
        {"code": "DuplicateRow", "severity": "warning", "rows": 2, "message": "2 rows repeat."},
        {"code": "NullValue", "severity": "error", "rows": 1, "message": "1 row is null."},
    ]
    new = DPOJobStatus.model_validate({"dataset": {"valid": False, "problems": problems}})
    (reported,) = warnings(DPOJobStatus(), new)
    assert (reported.code, reported.message) == ("DuplicateRow", "2 rows repeat.")
    assert warnings(new, new) == []


def test_equal_events_have_one_name() -> None:
    first, again, other = (
        event(job(), "Fits", message, NOW, warning=False)["metadata"]["name"] for message in "aab"
    )
    assert first == again != other


def test_what_goes_as_expected_in_one_write_is_one_event_of_the_furthest_stage() -> None:
    new = status(
        ("DatasetValid", "True", "Valid"),
        ("Planned", "True", "Fits"),
        ("Training", "False", "NoNodeFits"),
    )
    assert [(e["type"], e["reason"], e["message"]) for e in events_of(job(), new, NOW)] == [
        ("Warning", "NoNodeFits", "About NoNodeFits."),
        ("Normal", "Fits", "About Fits. About Valid."),
    ]


@pytest.mark.parametrize(
    ("improved", "reason", "kind"),
    [
        ("True", "BetterThanBase", "Normal"),
        ("False", "TaskRegressed", "Warning"),
        ("Unknown", "Inconclusive", "Normal"),
    ],
)
def test_a_verdict_is_an_event_once(improved: str, reason: str, kind: str) -> None:
    before, after = (
        status(("Training", "True", "Training")),
        status(("Training", "True", "Training"), ("Improved", improved, reason)),
    )
    finished = job().model_copy(update={"status": before})
    (found,) = events_of(finished, after, NOW)
    assert (found["type"], found["reason"]) == (kind, reason)
    assert found["message"] == f"About {reason}."
    assert events_of(job().model_copy(update={"status": after}), after, NOW) == []


@pytest.mark.parametrize(
    ("improved", "reason"),
    [("True", "BetterThanBase"), ("False", "NotBetter"), ("Unknown", "NotEvaluated")],
)
def test_a_verdict_is_an_event_of_its_own_beside_the_end_of_the_job(
    improved: str, reason: str
) -> None:
    new = status(
        ("Training", "False", "Stopped"),
        ("Complete", "True", "Completed"),
        ("Improved", improved, reason),
    )
    found = {e["reason"]: e["message"] for e in events_of(job(), new, NOW)}
    assert found == {reason: f"About {reason}.", "Completed": "About Completed."}


def test_a_smaller_batch_is_a_warning_once() -> None:
    text = "Out of memory at step 3 with 2 pairs per GPU at a time."
    created: list[dict[str, Any]] = []
    before = {"step": 3}
    for notices in ((None, text), (text, text), (text, None), (None, None)):
        old, new = (
            DPOJobStatus.model_validate({"progress": {**before, "notice": notice}})
            for notice in notices
        )
        created += events_of(job().model_copy(update={"status": old}), new, NOW)
    (found,) = created
    assert (found["type"], found["reason"], found["message"]) == ("Warning", "BatchHalved", text)
