"""The plan: made once, kept while the job trains, and following the pools until a node is found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from tests.kit.builders import (
    HASHES,
    NOW,
    POOL,
    POOLS,
    RUNNING,
    UID,
    build_snapshot,
    finished_pod,
    job_snapshot,
    reason,
    training,
    training_status,
)
from tests.kit.operator_fixture import REPORT

from dpojob_api.job import DPOJobStatus
from dpojob_operator.decide import (
    CreateClaim,
    CreateTraining,
    Decision,
    PlanningRequest,
    PoolReservation,
)
from dpojob_operator.decide.object_snapshots import PodSnapshot, PVCSnapshot
from dpojob_operator.decide.steps import decide, decide_with_pools
from dpojob_planner import PoolState

OTHER = PoolState(name="other", spec=POOL, free=2, nodes=1)
FULL = PoolState(name="t4", spec=POOL, free=0, nodes=1)
NEXT: dict[str, Any] = {"hardware": {"whenFull": "NextPool"}}
WAITS = PodSnapshot(name="p", uid="p", created=NOW)
REFUSED = replace(WAITS, unschedulable="1 Insufficient nvidia.com/gpu")


def inspected(**spec: Any) -> Any:
    """The snapshot of a job whose inspection has just ended."""
    claims = {"c": PVCSnapshot("c")}
    status = decide_with_pools(build_snapshot(spec_fields=spec, claims=claims), POOLS, NOW).status
    assert status.inspection is not None
    return build_snapshot(
        status,
        spec_fields=spec,
        claims=claims,
        inspection=job_snapshot(status.inspection.name),
        inspection_pods=(finished_pod("inspect", 0, REPORT),),
    )


def planned(pools: Sequence[PoolState] = POOLS, **spec: Any) -> Decision:
    return decide_with_pools(inspected(**spec), pools, NOW)


def waiting(
    pools: Sequence[PoolState],
    *pods: PodSnapshot,
    spec: dict[str, Any] | None = None,
    status: DPOJobStatus | None = None,
    **job: Any,
) -> Decision:
    """The next decision about a job whose training Job exists, and no pod of it has a node."""
    status = status or training_status(**(spec or {}))
    seen = training(status, created=NOW - timedelta(hours=1), **job)
    snapshot = build_snapshot(status, spec_fields=spec, training=seen, training_pods=pods)
    return decide_with_pools(snapshot, pools, NOW)


def test_pools_are_read_only_where_a_plan_depends_on_them() -> None:
    request = decide(inspected(), NOW)
    assert request == PlanningRequest(claims=("x-output",), earlier_pods=False)
    asked = decide(inspected(output={"volume": {"claimName": "c", "path": "p"}}), NOW)
    assert asked == PlanningRequest(claims=("c",), earlier_pods=True)
    status = training_status()
    runs = build_snapshot(status, training=training(status), training_pods=(RUNNING,))
    status = decide_with_pools(runs, POOLS, NOW).status
    again = decide(build_snapshot(status, training=training(status), training_pods=(RUNNING,)), NOW)
    assert isinstance(again, Decision)
    assert isinstance(decide(build_snapshot(), NOW), Decision)


def test_a_validated_job_plans_and_never_trains() -> None:
    decision = planned(validateOnly=True)
    assert reason(decision, "Complete") == "Validated" and decision.status.phase == "Complete"
    assert decision.status.plan is not None
    assert decision.status.attempts == [] and decision.actions == ()
    assert decision.reservation is None and decision.status.artifacts is None


def test_a_suspended_job_is_not_planned() -> None:
    snapshot = inspected()
    held = replace(
        snapshot, job=build_snapshot(snapshot.job.status, spec_fields={"suspend": True}).job
    )
    decision = decide_with_pools(held, POOLS, NOW)
    assert (
        decision.status.dataset is not None
        and decision.status.plan is None
        and decision.status.phase == "Suspended"
    )
    assert decision.actions == ()


def test_a_plan_reserves_its_gpus() -> None:
    assert planned().reservation == PoolReservation("t4", 1)


def test_a_refusal_that_time_cannot_change_fails_at_once() -> None:
    decision = planned(hardware={"gpus": 3})
    failed = decision.status.condition("Failed")
    condition = decision.status.condition("Planned")
    assert failed is not None and condition is not None
    assert (condition.status, condition.reason, condition.message) == (
        "False", failed.reason, failed.message,
    )  # fmt: skip
    assert decision.status.attempts == []


@pytest.mark.parametrize(
    ("output", "existing", "expected"),
    [
        ({}, None, {"claimName": "x-output", "path": ""}),
        ({}, PVCSnapshot("x-output", job_uid=UID), {"claimName": "x-output", "path": ""}),
        ({}, PVCSnapshot("x-output"), {"claimName": "x-output-666ff6cc", "path": ""}),
        ({}, PVCSnapshot("x-output", job_uid="o"), {"claimName": "x-output-666ff6cc", "path": ""}),
        ({"volume": {"claimName": "c", "path": "p"}}, None, {"claimName": "c", "path": "p"}),
        ({"push": "me/it"}, None, None),
    ],
)
def test_where_the_model_will_lie(
    output: dict[str, Any], existing: PVCSnapshot | None, expected: dict[str, str] | None
) -> None:
    snapshot = inspected(output=output)
    claims = {"x-output": existing, "c": PVCSnapshot("c")}
    decision = decide_with_pools(replace(snapshot, claims=claims), POOLS, NOW)
    artifacts = decision.status.artifacts
    assert (None if artifacts is None else artifacts.wire()) == expected


@pytest.mark.parametrize(
    ("evaluation", "claims"),
    [
        ({"require": {}}, ("x-output",)),
        # The evaluation may end the pod before the upload.
        ({}, ("x-output",)),
        (None, ()),
    ],
)
def test_a_model_that_is_evaluated_before_its_upload_has_a_claim(
    evaluation: dict[str, Any] | None, claims: tuple[str, ...]
) -> None:
    if evaluation is not None:
        evaluation = {"judge": {"rewardModel": {"repo": "org/judge"}}, **evaluation}
    snapshot = inspected(output={"push": "me/it"}, evaluation=evaluation)
    assert decide(snapshot, NOW) == PlanningRequest(claims=claims, earlier_pods=False)
    decision = decide_with_pools(snapshot, POOLS, NOW)
    artifacts = decision.status.artifacts
    assert ((artifacts.claim_name,) if artifacts else ()) == claims
    created = [each.name for each in decision.actions if isinstance(each, CreateClaim)]
    assert tuple(created) == claims


def test_a_job_that_waits_for_a_node_keeps_its_plan_while_its_pool_is_the_same() -> None:
    decision = waiting(POOLS)
    assert decision.status.attempts[0].outcome is None and decision.actions == ()
    assert decision.reservation == PoolReservation("t4", 1)
    assert reason(decision, "Planned") == "Fits"


@pytest.mark.parametrize("hashes", [{}, {"t4": "edited"}], ids=["deleted", "edited"])
def test_it_is_planned_again_when_its_pool_is_gone_or_was_edited(hashes: dict[str, str]) -> None:
    status = training_status()
    snapshot = replace(build_snapshot(status, training=training(status)), pool_hashes=hashes)
    decision = decide_with_pools(snapshot, POOLS, NOW)
    assert decision.status.attempts[0].outcome == "Replanned"
    assert decision.status.phase == "Planning"


def test_it_is_planned_again_when_its_pool_is_closed_to_its_namespace() -> None:
    closed = replace(POOLS[0], allowed=False)
    assert waiting((closed,)).status.attempts[0].outcome == "Replanned"


def test_a_job_without_a_hash_of_its_pool_is_kept() -> None:
    status = training_status()
    kept = replace(training(status), pool_hash="")
    decision = decide_with_pools(build_snapshot(status, training=kept), POOLS, NOW)
    assert decision.status.attempts[0].outcome is None


def test_it_keeps_its_plan_once_a_pod_has_a_node_whatever_becomes_of_the_pool() -> None:
    status = training_status()
    bound = replace(WAITS, scheduled=True)
    snapshot = build_snapshot(status, training=training(status), training_pods=(WAITS, bound))
    decision = decide_with_pools(replace(snapshot, pool_hashes={}), (), NOW)
    assert decision.status.attempts[0].outcome is None
    assert decision.reservation is None


def test_a_suspended_or_stopped_attempt_is_not_withdrawn() -> None:
    status = training_status()
    snapshot = replace(build_snapshot(status, training=training(status)), pool_hashes={})
    held = replace(snapshot, job=build_snapshot(status, spec_fields={"suspend": True}).job)
    assert decide_with_pools(held, POOLS, NOW).status.attempts[0].outcome == "Suspended"
    status.attempts[0].outcome = "Failed"
    stopped = replace(build_snapshot(status, training=training(status)), pool_hashes={})
    assert decide_with_pools(stopped, POOLS, NOW).status.attempts[0].outcome == "Failed"


def test_a_job_that_a_queue_holds_reserves_nothing() -> None:
    assert waiting(POOLS, suspended=True).reservation is None


@pytest.mark.parametrize(
    ("spec", "pools", "pods", "moves"),
    [
        pytest.param(NEXT, (FULL, OTHER), (), True, id="no room, and another has"),
        pytest.param(NEXT, (POOLS[0], OTHER), (), False, id="room where it is"),
        pytest.param(NEXT, (FULL, OTHER), (REFUSED,), True, id="the scheduler refused it"),
        pytest.param(NEXT, POOLS, (REFUSED,), False, id="the new plan is on the same pool"),
        pytest.param(NEXT, (FULL, replace(OTHER, free=0)), (), False, id="the other is full too"),
        pytest.param(NEXT, (FULL, replace(OTHER, free=None)), (), False, id="not known yet"),
        pytest.param({}, (FULL, OTHER), (REFUSED,), False, id="it was not asked for"),
        pytest.param(NEXT, (FULL,), (), False, id="there is no other"),
    ],
)
def test_it_moves_to_a_pool_with_room_where_that_was_asked_for(
    spec: dict[str, Any], pools: Sequence[PoolState], pods: tuple[PodSnapshot, ...], moves: bool
) -> None:
    decision = waiting(pools, *pods, spec=spec)
    assert (decision.status.attempts[0].outcome == "Replanned") is moves
    assert decision.reservation == PoolReservation("other" if moves else "t4", 1)
    if not moves:
        assert decision.requeue_after == (30 if spec else None)


def test_an_attempt_whose_job_does_not_exist_is_planned_again_under_its_number() -> None:
    status = training_status()
    status.attempts[0].job.uid = None
    pricey = replace(OTHER, spec=POOL.model_copy(update={"hourly_price": "7"}))
    decision = decide_with_pools(build_snapshot(status), (pricey,), NOW)
    (attempt,) = decision.status.attempts
    assert (attempt.pool, str(attempt.hourly_price), attempt.number) == ("other", "7", 1)
    assert decision.status.plan is not None and decision.status.plan.pool == "other"
    assert decision.actions[-1] == CreateTraining(attempt.job.name, 1)


def test_a_resumed_job_keeps_the_plan_that_its_checkpoints_were_written_under() -> None:
    status = training_status()
    attempt = status.attempts[0]
    attempt.start_time = attempt.end_time = NOW
    attempt.outcome = "Suspended"
    resumed = decide_with_pools(build_snapshot(status), (OTHER, FULL), NOW)
    assert [a.pool for a in resumed.status.attempts] == ["t4", "t4"]
    assert resumed.reservation == PoolReservation("t4", 1)
    moved = decide_with_pools(build_snapshot(status), (OTHER,), NOW)
    assert [a.pool for a in moved.status.attempts] == ["t4", "other"]
    attempt.start_time = None
    never_ran = decide_with_pools(build_snapshot(status), (OTHER, FULL), NOW)
    assert [a.pool for a in never_ran.status.attempts] == ["t4", "other"]


def test_planned_is_set_again_when_the_pool_is_back() -> None:
    status = training_status()
    condition = status.condition("Planned")
    assert condition is not None
    message, condition.status, condition.reason = condition.message, "False", "PoolNotFound"
    status.attempts[0].start_time = NOW
    decision = decide_with_pools(
        build_snapshot(status, training=training(status), training_pods=(RUNNING,)), POOLS, NOW
    )
    found = decision.status.condition("Planned")
    assert found is not None and (found.status, found.reason) == ("True", "Fits")
    assert found.message == message and HASHES


def test_a_job_whose_pod_has_a_node_is_decided_on_without_the_pools() -> None:
    status = training_status()
    waits = build_snapshot(status, training=training(status), training_pods=(WAITS,))
    assert isinstance(decide(waits, NOW), PlanningRequest)
    bound = replace(waits, training_pods=(replace(WAITS, scheduled=True),))
    assert isinstance(decide(bound, NOW), Decision)
