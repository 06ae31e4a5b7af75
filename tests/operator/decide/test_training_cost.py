"""`decide`: GPU time, cost, and the rate of steps of a training Job."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from tests.kit.builders import (
    NOW,
    POOLS,
    RUNNING,
    build_snapshot,
    reason,
    running_status,
    seen_again,
    training,
    training_status,
)

from dpojob_api.conditions import ConditionType
from dpojob_api.progress import Progress
from dpojob_operator.decide import DeleteJob
from dpojob_operator.decide.steps import decide_with_pools


def test_gpu_time_of_a_deleted_pod_stays_counted() -> None:
    status = training_status()
    seen = training(status)
    first = replace(RUNNING, started=NOW - timedelta(hours=1))
    decision = decide_with_pools(
        build_snapshot(status, training=seen, training_pods=(first,)), POOLS, NOW
    )
    assert decision.status.cost is not None
    assert str(decision.status.cost.so_far) == "3600.00"
    other = replace(RUNNING, uid="other", started=NOW - timedelta(seconds=1))
    after = decide_with_pools(
        build_snapshot(decision.status, training=seen, training_pods=(other,)), POOLS, NOW
    )
    assert after.status.attempts[0].gpu_seconds == 3601


def test_progress_and_cost_are_written_only_in_a_refresh() -> None:
    status = running_status()
    later = build_snapshot(
        status, training=training(status), training_pods=(RUNNING,), refresh=False
    )
    decision = decide_with_pools(later, POOLS, NOW + timedelta(seconds=5))
    assert decision.status.wire() == status.wire()


def test_time_in_a_queue_is_not_training_time() -> None:
    spec_fields = {"budget": {"maxDuration": "1h"}}
    status = training_status(**spec_fields)
    seen = training(status)
    ran = replace(RUNNING, started=NOW - timedelta(hours=9), finished=NOW - timedelta(hours=8.5))
    eviction_message = decide_with_pools(
        build_snapshot(
            status,
            spec_fields=spec_fields,
            training=replace(seen, suspended=True),
            training_pods=(ran,),
        ),
        POOLS,
        NOW,
    )
    again = replace(RUNNING, uid="again", started=NOW - timedelta(minutes=29))
    runs = build_snapshot(
        eviction_message.status, spec_fields=spec_fields, training=seen, training_pods=(again,)
    )
    decision = decide_with_pools(runs, POOLS, NOW)
    assert not decision.status.is_true(ConditionType.FAILED)
    assert decision.actions == ()
    first = seen_again(runs, decision, 60)
    over = decide_with_pools(seen_again(first, decide_with_pools(first, POOLS, NOW)), POOLS, NOW)
    assert over.actions == (DeleteJob(seen.name, seen.uid),)
    assert reason(over, "Training") == "BudgetExceeded"


def test_what_a_training_cost_until_it_is_stopped_is_written_with_the_reason() -> None:
    """Its pod is gone when figures may be written again."""
    spec_fields = {"budget": {"maxDuration": "1h"}}
    status = training_status(**spec_fields)
    attempt = status.attempts[0]
    attempt.start_time = NOW - timedelta(hours=2)
    runs = build_snapshot(
        status,
        spec_fields=spec_fields,
        training=training(status),
        training_pods=(replace(RUNNING, started=attempt.start_time),),
        refresh=False,
    )
    over = decide_with_pools(seen_again(runs, decide_with_pools(runs, POOLS, NOW)), POOLS, NOW)
    assert reason(over, "Training") == "BudgetExceeded"
    assert over.status.attempts[0].gpu_seconds == 7200


def test_a_pool_without_a_price_exceeds_no_budget() -> None:
    for budget in ({"maxCost": "0"}, {"maxCost": "9" * 32, "maxDuration": "9" * 31 + "d"}):
        status = training_status()
        status.attempts[0].hourly_price = Decimal(0)
        runs = build_snapshot(status, spec_fields={"budget": budget}, training=training(status))
        runs = replace(runs, training_pods=(RUNNING,))
        assert decide_with_pools(runs, POOLS, NOW).actions == ()


def test_a_very_high_price_is_still_counted() -> None:
    status = training_status()
    status.attempts[0].hourly_price = Decimal("9" * 32)
    decision = decide_with_pools(
        build_snapshot(status, training=training(status), training_pods=(RUNNING,)), POOLS, NOW
    )
    assert decision.status.cost is not None
    assert decision.status.cost.so_far > 0


def test_a_step_rate_near_zero_gives_a_finite_time() -> None:
    status = training_status()
    reported = Progress(step=1, max_steps=2**53, steps_per_second=1e-300)
    decision = decide_with_pools(
        build_snapshot(
            status, training=training(status), training_pods=(RUNNING,), progress=reported
        ),
        POOLS,
        NOW,
    )
    assert decision.status.display is not None and decision.status.display.eta is not None
