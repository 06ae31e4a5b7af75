"""`Ready` explains why a job does not advance, for kubectl's column, Argo CD and `dpojob status` alike."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from tests.kit.builders import (
    NOW,
    POOLS,
    build_snapshot,
    decide_after_inspection,
    decide_until_stable,
    finished_pod,
    job_snapshot,
    reason,
    training,
    training_status,
)
from tests.kit.operator.waits.obstacles import (
    BOUND,
    NO_LABEL,
    NO_ROOM,
    NO_VOLUME,
    ON_A_CLAIM,
    POD_QUOTA,
    QUOTA,
    UNBOUND,
    WEBHOOK,
)
from tests.kit.operator_fixture import REPORT

from dpojob_api.conditions import ConditionType
from dpojob_api.job import Dependency
from dpojob_api.progress import Progress
from dpojob_operator.decide import Decision, DependencySnapshot, OutputHolder, SharedInspection
from dpojob_operator.decide.object_snapshots import PodSnapshot, PVCSnapshot, WorkloadSnapshot
from dpojob_operator.decide.steps import decide_with_pools
from dpojob_operator.decide.summary import ADVICE


def ready(decision: Decision) -> tuple[str | None, str]:
    condition = decision.status.condition(ConditionType.READY)
    assert condition is not None and condition.status == "False"
    return condition.reason, condition.message


FACTS = ("pod_rejection", "workload", "progress_unreachable")


def split(facts: dict[str, Any]) -> tuple[dict[str, Any], bool, tuple[PodSnapshot, ...]]:
    """Facts of the snapshot, whether its Job is suspended, and its pods: one, of which the rest is true."""
    of_snapshot = {name: facts.pop(name) for name in FACTS if name in facts}
    suspended = facts.pop("suspended", False)
    pods = facts.pop("pods", None)
    if pods is None:
        pods = (PodSnapshot(name="p", uid="p", created=NOW, **facts),)
    return of_snapshot, suspended, pods


def inspected_by(**facts: Any) -> Decision:
    of_snapshot, suspended, pods = split(facts)
    first = decide_with_pools(build_snapshot(), POOLS, NOW)
    assert first.status.inspection is not None
    seen = job_snapshot(first.status.inspection.name, suspended=suspended)
    snapshot = build_snapshot(first.status, inspection=seen, inspection_pods=pods, **of_snapshot)
    return decide_with_pools(snapshot, POOLS, NOW)


def trained_by(**facts: Any) -> Decision:
    of_snapshot, suspended, pods = split(facts)
    status = training_status()
    seen = training(status, suspended=suspended)
    snapshot = build_snapshot(status, training=seen, training_pods=pods, **of_snapshot)
    return decide_with_pools(snapshot, POOLS, NOW)


@pytest.mark.parametrize("stage", [inspected_by, trained_by])
@pytest.mark.parametrize(
    ("pod", "expected"),
    [
        ({"unschedulable": NO_LABEL}, "NoNodeFits"),
        ({"unschedulable": UNBOUND}, "WaitingForClaim"),
        ({"unschedulable": NO_VOLUME}, "WaitingForClaim"),
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


@pytest.mark.parametrize("stage", [inspected_by, trained_by])
@pytest.mark.parametrize(
    ("event", "expected"), [(POD_QUOTA, "QuotaExceeded"), (WEBHOOK, "CreationRefused")]
)
def test_a_rejected_pod_gives_who_rejected_it(stage: Any, event: str, expected: str) -> None:
    """A quota of GPUs refuses pods, not Jobs: only the Job's Events tell of it."""
    given, message = ready(stage(pods=(), pod_rejection=event))
    assert given == expected and event in message and message.endswith(ADVICE[expected])


@pytest.mark.parametrize("stage", [inspected_by, trained_by])
@pytest.mark.parametrize(
    ("workload", "expected"),
    [
        (None, ""),
        (WorkloadSnapshot(queue="team"), ""),
        (
            WorkloadSnapshot("team", "Pending", "insufficient unused quota for nvidia.com/gpu"),
            " Kueue, queue team (Pending): insufficient unused quota for nvidia.com/gpu",
        ),
        (WorkloadSnapshot(message="x" * 5000), " Kueue: " + "x" * 1000),
    ],
)
def test_a_job_that_a_queue_holds_gives_the_queues_reason(
    stage: Any, workload: WorkloadSnapshot | None, expected: str
) -> None:
    decision = stage(pods=(), suspended=True, workload=workload)
    given, message = ready(decision)
    assert given == "SuspendedByQueue" and decision.status.phase == "Queued"
    assert f"until it admits it.{expected} {ADVICE[given]}" in message
    assert decision.requeue_after is not None, "the Workload is not watched"


def test_what_would_help_follows_the_message_and_stays() -> None:
    decision = trained_by(unschedulable=NO_LABEL)
    given, message = ready(decision)
    assert message.endswith(f"{NO_LABEL} {ADVICE[given or '']}")
    training_ = decision.status.condition(ConditionType.TRAINING)
    assert training_ is not None and training_.message.endswith(NO_LABEL)


def test_a_job_whose_commits_are_looked_up_inspects() -> None:
    given, message = ready(decide_with_pools(build_snapshot(lookup_pending=True), POOLS, NOW))
    assert given == "Inspecting" and "looked up at the hub" in message


@pytest.mark.parametrize("inspected", [False, True])
def test_a_job_whose_output_is_not_free_yet_says_whose_it_is(inspected: bool) -> None:
    holder = OutputHolder(name="other", directory="models/x", being_deleted=True)
    first = decide_with_pools(build_snapshot(), POOLS, NOW)
    status = decide_after_inspection(first).status if inspected else None
    if status is not None:
        status.attempts = []
    given, message = ready(
        decide_with_pools(build_snapshot(status, output_holder=holder), POOLS, NOW)
    )
    assert given == "OutputOccupied" and "DPOJob other" in message


def test_a_claim_that_is_missing_after_inspection_is_named_while_it_is_waited_for() -> None:
    first = decide_with_pools(
        build_snapshot(spec_fields=ON_A_CLAIM, claims={"data": BOUND}), POOLS, NOW
    )
    assert first.status.inspection is not None
    snapshot = build_snapshot(
        first.status,
        spec_fields=ON_A_CLAIM,
        inspection=job_snapshot(first.status.inspection.name),
        inspection_pods=(finished_pod("inspect", 0, REPORT),),
        claims={"data": None},
    )
    given, message = ready(decide_with_pools(snapshot, POOLS, NOW))
    assert given == "ClaimNotFound" and "'data'" in message


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


def test_a_pod_that_cannot_be_reached_gives_the_policy_to_write() -> None:
    running = {"scheduled": True, "started": NOW - timedelta(minutes=2)}
    decision = trained_by(**running, progress_unreachable=True)
    given, message = ready(decision)
    assert given == reason(decision, "Training") == "ProgressUnreachable"
    policy = json.loads(message.partition("<<< '")[2].rstrip("'"))
    (rule,) = policy["spec"]["ingress"]
    assert rule["ports"] == [{"port": 8080}]
    namespace = rule["from"][0]["namespaceSelector"]["matchLabels"]
    assert namespace == {"kubernetes.io/metadata.name": "default"}
    assert "kubectl apply -n ns -f - " in message


def test_training_is_training_again_once_the_pod_answers() -> None:
    silent = trained_by(scheduled=True, started=NOW, progress_unreachable=True)
    pods = (PodSnapshot(name="p", uid="p", created=NOW, scheduled=True, started=NOW),)
    snapshot = build_snapshot(
        silent.status,
        training=training(silent.status),
        training_pods=pods,
        progress=Progress(step=3, max_steps=9),
    )
    assert ready(decide_with_pools(snapshot, POOLS, NOW))[0] == "Training"
