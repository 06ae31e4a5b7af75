"""Clocks that differ and step: a node's, the API server's, and the time that passes between them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from tests.kit.builders import (
    NOW,
    POOLS,
    RUNNING,
    build_snapshot,
    reason,
    seen_again,
    training,
    training_status,
)

from dpojob_api.conditions import ConditionType
from dpojob_operator.decide import DeleteJob, FirstSeen, Snapshot
from dpojob_operator.decide.steps import decide_with_pools

BUDGET: dict[str, Any] = {"budget": {"maxDuration": "1h"}}
STEP = timedelta(hours=6)
SCHEDULED = NOW - timedelta(minutes=10)
"""When the pod was bound to its node, by the API server's clock."""


def snapshot(started: timedelta, finished: timedelta | None = None, **facts: Any) -> Snapshot:
    """A pod that its node says started and ended so long after it was bound to the node."""
    status = training_status(**BUDGET)
    pod = replace(
        RUNNING,
        created=SCHEDULED - timedelta(minutes=1),
        scheduled_at=SCHEDULED,
        started=SCHEDULED + started,
        finished=None if finished is None else SCHEDULED + finished,
    )
    return build_snapshot(
        status, spec_fields=BUDGET, training=training(status), training_pods=(pod,), **facts
    )


def seen(at: timedelta, seconds: float) -> dict[str, FirstSeen]:
    return {f"run of pod {RUNNING.uid}": FirstSeen(NOW + at, seconds)}


ZERO, MINUTES = timedelta(0), timedelta(minutes=10)


@pytest.mark.parametrize(
    ("started", "finished", "first_seen", "seconds"),
    [
        pytest.param(ZERO, None, {}, 600, id="the clocks agree"),
        pytest.param(-STEP, None, {}, 600, id="the node is behind"),
        pytest.param(-STEP, -STEP + MINUTES, {}, 600, id="the node is behind, and the pod over"),
        pytest.param(STEP, None, seen(-MINUTES, 540), 540, id="the node is ahead"),
        pytest.param(STEP, STEP + MINUTES, seen(-MINUTES, 601), 600, id="ahead, and over"),
        pytest.param(ZERO, STEP + MINUTES, seen(-MINUTES, 601), 601, id="the node's clock stepped"),
        pytest.param(ZERO, None, seen(-STEP - MINUTES, 600), 600, id="the server's, forward"),
        pytest.param(ZERO, None, seen(STEP, 0), 22200, id="the server's, when first seen"),
        pytest.param(ZERO, MINUTES, {}, 600, id="the pod is over"),
    ],
)
def test_gpu_time(
    started: timedelta,
    finished: timedelta | None,
    first_seen: dict[str, FirstSeen],
    seconds: float,
) -> None:
    runs = snapshot(started, finished, first_seen=first_seen)
    assert decide_with_pools(runs, POOLS, NOW).status.attempts[0].gpu_seconds == seconds


def test_a_step_of_six_hours_does_not_end_a_run_of_minutes() -> None:
    runs = snapshot(ZERO)
    first = decide_with_pools(runs, POOLS, NOW)
    for now in (NOW + STEP, NOW - STEP):
        stepped = seen_again(runs, first, 60)
        for _ in range(3):
            decision = decide_with_pools(stepped, POOLS, now)
            assert decision.actions == ()
            assert decision.status.attempts[0].gpu_seconds == 660
            stepped = seen_again(stepped, decision)


def test_a_budget_ends_a_job_only_at_the_second_look() -> None:
    runs = snapshot(timedelta(hours=-1))
    runs = replace(runs, training_pods=(replace(runs.training_pods[0], scheduled_at=None,
                                                created=None),))  # fmt: skip
    first = decide_with_pools(runs, POOLS, NOW)
    assert (first.actions, first.requeue_after) == ((), 0)
    second = decide_with_pools(seen_again(runs, first), POOLS, NOW)
    assert isinstance(second.actions[0], DeleteJob)
    assert reason(second, "Training") == "BudgetExceeded"


def test_time_that_was_counted_stays_counted_while_the_pod_runs() -> None:
    """The operator was restarted, and the node's clock is ahead."""
    runs = snapshot(STEP, first_seen=seen(-MINUTES, 540))
    counted = decide_with_pools(runs, POOLS, NOW)
    restarted = replace(seen_again(runs, counted), first_seen={})
    assert decide_with_pools(restarted, POOLS, NOW).status.attempts[0].gpu_seconds == 540


@pytest.mark.parametrize("ended", [-timedelta(hours=6), timedelta(hours=6)], ids=["old", "ahead"])
def test_an_ended_jobs_pods_may_be_listed_late_whatever_the_clocks_are(ended: timedelta) -> None:
    status = training_status()
    over = training(status, failed=True, failure_reason="BackoffLimitExceeded", ended=NOW + ended)
    gone = build_snapshot(status, training=over)
    first = decide_with_pools(gone, POOLS, NOW)
    assert not first.status.is_true(ConditionType.FINISHED) and first.requeue_after == 2
    early = decide_with_pools(seen_again(gone, first, 19), POOLS, NOW)
    assert not early.status.is_true(ConditionType.FINISHED)
    late = decide_with_pools(seen_again(gone, first, 20), POOLS, NOW)
    assert reason(late, "Failed") == "BackoffLimitExceeded"
