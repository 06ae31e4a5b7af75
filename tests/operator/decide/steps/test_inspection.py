"""The inspection Job: created once, followed to its report, or to the reason why there is none."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from tests.kit.builders import (
    NOW,
    POOLS,
    UID,
    build_snapshot,
    decide_until_stable,
    finished_pod,
    job_snapshot,
    reason,
    seen_again,
)
from tests.kit.operator_fixture import REPORT

from dpojob_api.report import InspectionReport
from dpojob_operator.decide import CreateInspection, Decision, SharedInspection, Snapshot
from dpojob_operator.decide.child_names import inspection_name
from dpojob_operator.decide.object_snapshots import PodSnapshot, PVCSnapshot
from dpojob_operator.decide.steps import decide_with_pools

NAME = inspection_name("x", UID)
BEGUN = decide_with_pools(build_snapshot(), POOLS, NOW).status


def inspected(*pods: PodSnapshot, **job: Any) -> Snapshot:
    return build_snapshot(BEGUN, inspection=job_snapshot(NAME, **job), inspection_pods=pods)


def decided(snapshot: Snapshot) -> Decision:
    return decide_with_pools(snapshot, POOLS, NOW)


def failure(decision: Decision) -> tuple[str, str] | None:
    failed = decision.status.condition("Failed")
    return None if failed is None else (failed.reason, failed.message)


def dataset_valid(decision: Decision) -> tuple[str, str, str]:
    condition = decision.status.condition("DatasetValid")
    assert condition is not None
    return condition.status, condition.reason, condition.message


def test_the_job_is_created_until_it_was_seen() -> None:
    assert decided(build_snapshot(BEGUN)).actions == (CreateInspection(NAME),)
    seen = decided(inspected())
    assert seen.actions == () and seen.status.inspection is not None
    assert seen.status.inspection.uid == f"uid-of-{NAME}"
    assert seen.status.phase == "Inspecting"


def test_a_suspended_job_creates_nothing_although_it_has_begun() -> None:
    held = decided(build_snapshot(BEGUN, spec_fields={"suspend": True}))
    assert (held.actions, held.status.phase) == ((), "Suspended")


def test_a_claim_that_disappears_before_the_job_is_created_is_waited_for() -> None:
    spec_fields = {"dataset": {"volume": {"claimName": "data", "path": ""}}}
    begun = decided(build_snapshot(spec_fields=spec_fields, claims={"data": PVCSnapshot("data")}))
    gone = build_snapshot(begun.status, spec_fields=spec_fields, claims={"data": None})
    assert decided(gone).actions == ()


@pytest.mark.parametrize("recorded", [None, f"uid-of-{NAME}"])
def test_a_job_of_another_owner_is_a_conflict(recorded: str | None) -> None:
    status = BEGUN.model_copy(deep=True)
    assert status.inspection is not None
    status.inspection.uid = recorded
    snapshot = build_snapshot(status, inspection=job_snapshot(NAME, owner="other"))
    found = failure(decided(snapshot))
    assert found is not None and found[0] == "JobNameConflict"
    assert found[1].startswith(f"Job {NAME} exists and is not this DPOJob's")


@pytest.mark.parametrize("now", [None, job_snapshot(NAME, uid="another")], ids=["gone", "another"])
def test_a_job_that_was_deleted_is_not_created_again(now: Any) -> None:
    seen = decided(inspected()).status
    found = failure(decided(build_snapshot(seen, inspection=now)))
    assert found == (
        "JobDeleted",
        f"Inspection Job {NAME} was deleted before its report was read. Create this DPOJob again.",
    )


@pytest.mark.parametrize(
    ("job", "pod", "message"),
    [
        ({}, {"exit_reason": "OOMKilled"},
         "Inspection ran out of memory; the installation's limit for inspection pods "
         "(chart value inspect.resources) is too small for this dataset's rows."),
        ({}, {"eviction_message": "The node was low."}, "The inspection pod was evicted: The node was low."),
        ({}, {"termination_message": " Traceback \n"},
         "The inspection pod ended with status 137 and no report. Traceback"),
        ({}, {"termination_message": ""}, "The inspection pod ended with status 137 and no report."),
        ({"failure_reason": "DeadlineExceeded"}, {"started": None, "unschedulable": "no node"},
         "Inspection did not end in time. Pod inspect-pod waits for a node: no node"),
        ({"failure_reason": "DeadlineExceeded"}, {},
         f"Inspection did not end in time. Job {NAME}."),
    ],
)  # fmt: skip
def test_an_inspection_without_a_report_fails_with_what_the_pod_left(
    job: dict[str, Any], pod: dict[str, Any], message: str
) -> None:
    ended = finished_pod("inspect", 137, "", **{"termination_message": "x", **pod})
    decision = decided(inspected(ended, failed=True, **job))
    assert failure(decision) == ("InspectionFailed", message)
    assert dataset_valid(decision)[:2] == ("Unknown", "InspectionFailed")


def test_an_ended_job_without_a_pod_fails() -> None:
    message = f"Job {NAME} ended and its pod is gone, with the report."
    assert failure(decided(inspected(failed=True))) == ("InspectionFailed", message)


def test_the_pods_of_an_ended_job_may_be_listed_late() -> None:
    first = inspected(failed=True, ended=NOW)
    early = decided(first)
    assert failure(early) is None and early.requeue_after == 2
    late = decided(seen_again(first, early, 20))
    assert failure(late) is not None
    running = replace(finished_pod("inspect", 1, ""), finished=None)
    assert failure(decided(inspected(running, failed=True, ended=NOW))) is None
    ended = finished_pod("inspect", 137, "")
    assert failure(decided(inspected(ended, failed=True, ended=NOW))) is not None


@pytest.mark.parametrize(
    ("age", "message", "again"),
    [
        (0, f"Job {NAME}.", 10),
        (4, f"Job {NAME}.", 6),
        (10, f"Job {NAME} has no pod; `kubectl describe job` says why.", 30),
    ],
)
def test_a_job_without_a_pod_is_reported_after_ten_seconds(
    age: int, message: str, again: float | None
) -> None:
    decision = decided(inspected(created=NOW - timedelta(seconds=age)))
    assert dataset_valid(decision) == ("Unknown", "Inspecting", message)
    assert decision.requeue_after == again


def test_a_suspended_job_needs_no_pod() -> None:
    decision = decided(inspected(created=NOW - timedelta(hours=1), suspended=True))
    assert dataset_valid(decision)[1:] == ("SuspendedByQueue", f"Job {NAME}.")
    assert decision.requeue_after == 30, "the queue is asked again"


@pytest.mark.parametrize(
    ("pod", "expected", "message"),
    [
        ({"unschedulable": "1 Insufficient cpu"}, "Inspecting",
         "Pod p waits for a node: 1 Insufficient cpu"),
        ({"unschedulable": "no match"}, "NoNodeFits", "Pod p waits for a node: no match"),
        ({"waiting_reason": "ContainerCreating", "waiting_message": "m"}, "Inspecting", f"Job {NAME}."),
        ({"waiting_reason": "CrashLoopBackOff", "waiting_message": "m"}, "Inspecting",
         "Pod p waits (CrashLoopBackOff): m"),
        ({"waiting_reason": "InvalidImageName", "waiting_message": "m"}, "ImagePullFailed",
         "Pod p waits (InvalidImageName): m"),
        ({"started": NOW, "unschedulable": "earlier"}, "Inspecting", f"Job {NAME}."),
    ],
)  # fmt: skip
def test_what_keeps_the_pod_from_starting(pod: dict[str, Any], expected: str, message: str) -> None:
    decision = decided(inspected(PodSnapshot(name="p", uid="p", **pod)))
    assert dataset_valid(decision) == ("Unknown", expected, message)


def test_of_several_pods_the_newest_counts() -> None:
    old = PodSnapshot(name="z", uid="z", created=NOW - timedelta(hours=1), unschedulable="old")
    new = PodSnapshot(name="a", uid="a", created=NOW, unschedulable="new")
    for pods in ((old, new), (new, old)):
        assert "Pod a waits for a node: new" in dataset_valid(decided(inspected(*pods)))[2]


def test_a_shared_report_takes_the_place_of_an_inspection() -> None:
    report = InspectionReport.model_validate(REPORT)
    shared = SharedInspection(name="other", report=report)
    decision = decide_until_stable(build_snapshot(shared=shared))
    assert dataset_valid(decision)[2].endswith("Inspection shared with DPOJob other.")
    assert decision.status.inspection is None and decision.status.attempts


def test_a_shared_report_may_be_invalid() -> None:
    report = InspectionReport.model_validate(
        {"valid": False, "reason": "DatasetInvalid", "rows": 1}
    )
    decision = decided(build_snapshot(shared=SharedInspection(name="other", report=report)))
    found = failure(decision)
    assert found is not None and "shared" not in found[1]
    assert decision.actions == () and decision.status.plan is None


def test_a_report_of_another_job_is_awaited() -> None:
    decision = decided(build_snapshot(shared=SharedInspection(name="other")))
    assert dataset_valid(decision) == (
        "Unknown", "WaitingForInspection",
        "DPOJob other inspects the same dataset and model; its report is awaited.",
    )  # fmt: skip
    assert (decision.actions, decision.requeue_after) == ((), 30)


def test_the_look_up_of_commits_is_awaited() -> None:
    decision = decided(build_snapshot(lookup_pending=True))
    assert (decision.actions, decision.requeue_after) == ((), 30)
    assert decision.status.inspection is None and decision.status.phase == "Inspecting"


def test_a_suspended_job_shares_no_report() -> None:
    shared = SharedInspection(name="other", report=InspectionReport.model_validate(REPORT))
    held = decided(build_snapshot(spec_fields={"suspend": True}, shared=shared))
    assert held.status.dataset is None and held.status.phase == "Suspended"


def test_a_report_without_a_dataset_is_not_kept() -> None:
    pod = finished_pod("inspect", 2, {"valid": False, "reason": "ModelNotFound", "error": "Gone."})
    decision = decided(inspected(pod))
    assert decision.status.dataset is None
    assert failure(decision) == (
        "ModelNotFound",
        "Gone. Correct that, then create this DPOJob again: delete it and apply it anew.",
    )
    assert dataset_valid(decision)[0] == "False"


def test_a_report_that_was_recorded_is_not_read_again() -> None:
    done = decided(inspected(finished_pod("inspect", 0, REPORT)))
    changed = finished_pod("inspect", 1, {"valid": False, "reason": "DatasetInvalid"})
    again = build_snapshot(done.status, inspection=job_snapshot(NAME), inspection_pods=(changed,))
    assert reason(decided(again), "DatasetValid") == "Valid"


def test_a_missing_secret_is_reported_in_dataset_valid_too() -> None:
    pod = PodSnapshot(name="p", uid="p", scheduled=True, waiting_reason="CreateContainerConfigError",
                      waiting_message='secret "hub" not found')  # fmt: skip
    waits = inspected(pod)
    early = decided(waits)
    assert early.requeue_after == 30 and failure(early) is None
    late = decided(seen_again(waits, early, 30))
    found = failure(late)
    assert found is not None and found[0] == "SecretNotFound"
    assert dataset_valid(late)[:2] == ("Unknown", "SecretNotFound")
