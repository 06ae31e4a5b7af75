"""A pool that is missing is waited for during a grace time."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from tests.kit.builders import (
    NOW,
    POOLS,
    build_snapshot,
    finished_pod,
    job_snapshot,
    reason,
    seen_again,
    training_status,
)
from tests.kit.operator_fixture import REPORT

from dpojob_api.conditions import ConditionType
from dpojob_operator.decide import (
    CreateTraining,
)
from dpojob_operator.decide.steps import decide_with_pools


def test_a_missing_pool_is_waited_for_during_the_grace_time() -> None:
    first = decide_with_pools(build_snapshot(), POOLS, NOW)
    assert first.status.inspection is not None
    seen, pods = job_snapshot(first.status.inspection.name), (finished_pod("inspect", 0, REPORT),)
    looked = build_snapshot(first.status, inspection=seen, inspection_pods=pods)
    waiting = decide_with_pools(looked, (), NOW)
    assert (reason(waiting, "Planned"), waiting.requeue_after) == ("NoPools", 10)
    assert not waiting.status.is_true(ConditionType.FAILED)
    later = seen_again(build_snapshot(waiting.status), waiting, 4)
    assert decide_with_pools(later, (), NOW + timedelta(hours=6)).requeue_after == 6
    assert reason(decide_with_pools(later, POOLS, NOW), "Planned") == "Fits"
    late = seen_again(build_snapshot(waiting.status), waiting, 10)
    assert reason(decide_with_pools(late, (), NOW), "Failed") == "NoPools"


def test_the_grace_time_of_a_missing_pool_restarts_after_a_suspension() -> None:
    stopped = training_status()
    stopped.attempts[0].start_time = stopped.attempts[0].end_time = NOW
    stopped.attempts[0].outcome = "Suspended"
    away = decide_with_pools(build_snapshot(stopped), (), NOW)
    assert (reason(away, "Planned"), away.requeue_after) == ("NoPools", 10)
    suspended = build_snapshot(away.status, spec_fields={"suspend": True})
    held_snapshot = seen_again(suspended, away, 300)
    held = decide_with_pools(held_snapshot, (), NOW)
    assert not held.status.is_true(ConditionType.FAILED)
    resumed = replace(
        build_snapshot(held.status), first_seen=seen_again(held_snapshot, held).first_seen
    )
    let_go = decide_with_pools(resumed, (), NOW)
    assert not let_go.status.is_true(ConditionType.FAILED) and let_go.requeue_after == 10
    back = decide_with_pools(seen_again(resumed, let_go, 1), POOLS, NOW)
    assert reason(back, "Planned") == "Fits"
    assert isinstance(back.actions[-1], CreateTraining)


def test_a_suspended_job_does_not_fail_for_a_missing_pool() -> None:
    status = training_status()
    status.attempts[0].job.uid = None
    late = NOW + timedelta(minutes=5)
    held = decide_with_pools(build_snapshot(status, spec_fields={"suspend": True}), (), late)
    assert held.status.attempts[0].outcome == "Suspended"
    assert not held.status.is_true(ConditionType.FAILED)
