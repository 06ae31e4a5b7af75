"""`Ready` explains why a job does not advance, for kubectl's column, Argo CD and `dpojob status` alike."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from tests.kit.builders import (
    NOW,
    POOLS,
    build_snapshot,
    decide_until_stable,
    finished_pod,
    job_snapshot,
    reason,
    training,
    training_status,
)
from tests.kit.operator_fixture import REPORT

from dpojob_api.conditions import ConditionType
from dpojob_api.job import Dependency
from dpojob_operator.decide import Decision, DependencySnapshot, SharedInspection
from dpojob_operator.decide.object_snapshots import PodSnapshot, PVCSnapshot
from dpojob_operator.decide.stages import decide_with_pools

NO_LABEL = "0/3 nodes are available: 3 node(s) didn't match Pod's node affinity/selector."
NO_ROOM = (
    "0/3 nodes are available: 1 Insufficient nvidia.com/gpu, 2 node(s) had untolerated taint(s)."
)
QUOTA = 'jobs.batch "x" is forbidden: exceeded quota: team, requested: count/jobs.batch=1'
WEBHOOK = 'admission webhook "policy.example.com" denied the request: no'


def ready(decision: Decision) -> tuple[str | None, str]:
    condition = decision.status.condition(ConditionType.READY)
    assert condition is not None and condition.status == "False"
    return condition.reason, condition.message


def inspected_by(**pod: Any) -> Decision:
    first = decide_with_pools(build_snapshot(), POOLS, NOW)
    assert first.status.inspection is not None
    pods = (PodSnapshot(name="p", uid="p", created=NOW, **pod),)
    seen = job_snapshot(first.status.inspection.name)
    snapshot = build_snapshot(first.status, inspection=seen, inspection_pods=pods)
    return decide_with_pools(snapshot, POOLS, NOW)


def trained_by(**pod: Any) -> Decision:
    status = training_status()
    pods = (PodSnapshot(name="p", uid="p", created=NOW, **pod),)
    snapshot = build_snapshot(status, training=training(status), training_pods=pods)
    return decide_with_pools(snapshot, POOLS, NOW)


@pytest.mark.parametrize("stage", [inspected_by, trained_by])
@pytest.mark.parametrize(
    ("pod", "expected"),
    [
        ({"unschedulable": NO_LABEL}, "NoNodeFits"),
        (
            {
                "scheduled": True,
                "waiting_reason": "ImagePullBackOff",
                "waiting_message": "Back-off pulling image",
            },
            "ImagePullFailed",
        ),
        (
            {"scheduled": True, "waiting_reason": "ErrImagePull", "waiting_message": "not found"},
            "ImagePullFailed",
        ),
    ],
)
def test_a_pod_that_cannot_start_gives_its_obstacle(
    stage: Any, pod: dict[str, Any], expected: str
) -> None:
    given, message = ready(stage(**pod))
    assert given == expected
    assert (pod.get("unschedulable") or pod["waiting_message"]) in message


def test_a_pod_without_room_is_queued_and_not_without_a_node() -> None:
    given, message = ready(trained_by(unschedulable=NO_ROOM))
    assert given == "Queued" and NO_ROOM in message


@pytest.mark.parametrize(
    ("rejection", "expected"), [(QUOTA, "QuotaExceeded"), (WEBHOOK, "CreationRefused")]
)
def test_a_rejected_creation_gives_who_rejected_it(rejection: str, expected: str) -> None:
    decision = decide_with_pools(build_snapshot(creation_rejection=rejection), POOLS, NOW)
    given, message = ready(decision)
    assert given == expected and rejection in message


def test_a_job_after_another_waits_for_it() -> None:
    found = Dependency(kind="DPOJob", name="sft", uid="u")
    snapshot = build_snapshot(
        spec_fields={"model": {"fromJob": {"name": "sft"}}},
        dependency=DependencySnapshot(found=found),
    )
    assert ready(decide_until_stable(snapshot))[0] == "WaitingForJob"


def test_a_job_of_a_sweep_waits_for_the_inspection_that_it_shares() -> None:
    shared = SharedInspection(name="first", report=None)
    given, message = ready(decide_with_pools(build_snapshot(shared=shared), POOLS, NOW))
    assert given == "WaitingForInspection" and "DPOJob first" in message


def test_a_job_whose_claim_is_not_bound_waits_for_the_claim() -> None:
    first = decide_with_pools(build_snapshot(), POOLS, NOW)
    assert first.status.inspection is not None
    snapshot = build_snapshot(
        first.status,
        inspection=job_snapshot(first.status.inspection.name),
        inspection_pods=(PodSnapshot(name="p", uid="p", unschedulable="unbound claims"),),
        claims={"data": PVCSnapshot(name="data", phase="Pending")},
    )
    given, message = ready(decide_with_pools(snapshot, POOLS, NOW))
    assert given == "WaitingForClaim" and "PersistentVolumeClaim data is not bound" in message


def test_a_job_without_a_pool_gives_the_planners_reason() -> None:
    first = decide_with_pools(build_snapshot(), POOLS, NOW)
    assert first.status.inspection is not None
    snapshot = build_snapshot(
        first.status,
        inspection=job_snapshot(first.status.inspection.name),
        inspection_pods=(finished_pod("inspect", 0, REPORT),),
    )
    waiting = decide_with_pools(snapshot, (), NOW)
    assert reason(waiting, "Ready") == reason(waiting, "Planned") == "NoPools"


def test_a_suspended_job_gives_who_suspended_it() -> None:
    suspended = decide_until_stable(build_snapshot(spec_fields={"suspend": True}))
    assert ready(suspended)[0] == "SuspendedByUser"
    status = training_status()
    held = decide_with_pools(
        build_snapshot(status, training=training(status, suspended=True)), POOLS, NOW
    )
    assert ready(held)[0] == "SuspendedByQueue"


def test_a_job_that_trains_is_not_ready_because_it_trains() -> None:
    decision = trained_by(scheduled=True, started=NOW - timedelta(minutes=1))
    assert ready(decision)[0] == reason(decision, "Training")
