"""`decide`, by tables: what a training Job and its pods come to."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from tests.kit.builders import NOW, POOLS, RUNNING, begun, ended, observe, reason, settle, training
from tests.kit.operator_fixture import failed, succeeded

from dpojob_api.conditions import ConditionType
from dpojob_api.progress import Progress
from dpojob_operator.decide import DeleteJob, decide_with_pools
from dpojob_operator.decide.object_snapshots import PodSnapshot


@pytest.mark.parametrize(
    ("facts", "pods", "expected"),
    [
        ({"complete": True}, (ended("train", 0, succeeded()),), "Complete/Completed"),
        (
            {"failed": True, "failure_reason": "PodFailurePolicy"},
            (ended("train", 11, failed("OutOfMemory", "No room.")),),
            "Failed/OutOfMemory",
        ),
        (
            {"failed": True, "failure_reason": "PodFailurePolicy"},
            (ended("train", 13, "no word"),),
            "Failed/DiskFull",
        ),
        (
            {"failed": True, "failure_reason": "PodFailurePolicy"},
            (ended("train", 137, "", exit_reason="OOMKilled"),),
            "Failed/OutOfMemory",
        ),
        (
            {"failed": True, "failure_reason": "BackoffLimitExceeded"},
            (ended("train", 1, failed("TrainingFailed", "Oops.")),),
            "Failed/BackoffLimitExceeded",
        ),
        (
            {"failed": True, "failure_reason": "PodFailurePolicy"},
            (ended("train", 10, failed("PushFailed", "401.")),),
            "Failed/PushFailed",
        ),
        ({"failed": True, "failure_reason": "BackoffLimitExceeded"}, (), "Failed/"
         "BackoffLimitExceeded"),
        ({}, (RUNNING,), "Training/Starting"),
        ({}, (replace(RUNNING, started=None, scheduled=False, unschedulable="0/1 nodes"),),
         "Training/Queued"),
        ({"suspended": True}, (), "Training/SuspendedByQueue"),
    ],
)  # fmt: skip
def test_what_a_training_job_comes_to(
    facts: dict[str, Any], pods: tuple[PodSnapshot, ...], expected: str
) -> None:
    status = begun()
    decision = settle(observe(status, training=training(status, **facts), training_pods=pods))
    type_, _, wanted = expected.partition("/")
    assert reason(decision, type_) == wanted


def test_gpu_time_of_a_vanished_pod_stays_paid() -> None:
    status = begun()
    seen = training(status)
    first = replace(RUNNING, started=NOW - timedelta(hours=1))
    decision = decide_with_pools(observe(status, training=seen, training_pods=(first,)), POOLS, NOW)
    assert decision.status.cost is not None
    assert str(decision.status.cost.so_far) == "3600.00"
    other = replace(RUNNING, uid="other", started=NOW - timedelta(seconds=1))
    after = decide_with_pools(
        observe(decision.status, training=seen, training_pods=(other,)), POOLS, NOW
    )
    assert after.status.attempts[0].gpu_seconds == 3601


def test_figures_wait_for_their_turn() -> None:
    status = decide_with_pools(
        observe(begun(), training=training(begun()), training_pods=(RUNNING,)), POOLS, NOW
    ).status
    later = observe(status, training=training(status), training_pods=(RUNNING,), refresh=False)
    decision = decide_with_pools(later, POOLS, NOW + timedelta(seconds=5))
    assert decision.status.wire() == status.wire()


def test_budget_and_suspension_record_the_end_before_the_delete() -> None:
    for of, outcome in (({"budget": {"maxCost": "1.00"}}, "Failed"), ({"suspend": True},
                                                                     "Suspended")):  # fmt: skip
        status = begun()
        seen = training(status)
        pods = (replace(RUNNING, started=NOW - timedelta(hours=1)),)
        decision = decide_with_pools(
            observe(status, of=of, training=seen, training_pods=pods), POOLS, NOW
        )
        assert decision.actions == (DeleteJob(seen.name, seen.uid),)
        assert decision.status.attempts[0].outcome == outcome
        assert decision.status.attempts[0].end_time is None
        gone = settle(observe(decision.status, of=of))
        assert gone.status.attempts[0].end_time is not None
        assert gone.actions == ()


def test_a_job_that_finished_while_it_was_being_stopped_is_complete() -> None:
    status = begun()
    seen = training(status)
    of = {"suspend": True}
    stopping = decide_with_pools(
        observe(status, of=of, training=seen, training_pods=(RUNNING,)), POOLS, NOW
    )
    done = replace(seen, complete=True, deleting=True)
    pods = (ended("train", 0, succeeded()),)
    decision = settle(observe(stopping.status, of=of, training=done, training_pods=pods))
    assert reason(decision, "Complete") == "Completed"


def test_a_job_that_stopped_early_is_wholly_done() -> None:
    status = begun()
    word = succeeded(step=40, maxSteps=100)
    pods = (ended("train", 0, word),)
    done = settle(observe(status, training=training(status, complete=True), training_pods=pods))
    assert reason(done, "Complete") == "Completed"
    assert done.status.display is not None and done.status.progress is not None
    assert (done.status.display.progress, done.status.progress.step) == ("100%", 40)


def test_time_in_a_queue_is_not_training_time() -> None:
    of = {"budget": {"maxDuration": "1h"}}
    status = begun(**of)
    seen = training(status)
    ran = replace(RUNNING, started=NOW - timedelta(hours=9), finished=NOW - timedelta(hours=8.5))
    eviction_message = decide_with_pools(
        observe(status, of=of, training=replace(seen, suspended=True), training_pods=(ran,)),
        POOLS,
        NOW,
    )
    again = replace(RUNNING, uid="again", started=NOW - timedelta(minutes=29))
    runs = observe(eviction_message.status, of=of, training=seen, training_pods=(again,))
    decision = decide_with_pools(runs, POOLS, NOW)
    assert not decision.status.is_true(ConditionType.FAILED)
    assert decision.actions == ()
    over = decide_with_pools(runs, POOLS, NOW + timedelta(minutes=1))
    assert over.actions == (DeleteJob(seen.name, seen.uid),)
    assert reason(over, "Training") == "BudgetExceeded"


def test_a_pods_last_seconds_are_written_at_once() -> None:
    """It may be gone when figures may be written again."""
    status = decide_with_pools(
        observe(begun(), training=training(begun()), training_pods=(RUNNING,)), POOLS, NOW
    ).status
    over = replace(RUNNING, finished=NOW + timedelta(seconds=7), exit_code=12)
    later = observe(status, training=training(status), training_pods=(over,), refresh=False)
    decision = decide_with_pools(later, POOLS, NOW + timedelta(seconds=8))
    assert decision.status.attempts[0].gpu_seconds == 17
    settled = replace(later, job=later.job.model_copy(update={"status": decision.status}))
    assert decide_with_pools(settled, POOLS, NOW + timedelta(seconds=9)).status == decision.status


def test_a_container_killed_for_its_memory_ends_the_job_at_once() -> None:
    status = begun()
    seen = training(status)
    killed = ended("train", 137, "", exit_reason="OOMKilled")
    decision = decide_with_pools(
        observe(status, training=seen, training_pods=(killed,)), POOLS, NOW
    )
    assert decision.actions == (DeleteJob(seen.name, seen.uid),)
    gone = settle(observe(decision.status))
    assert reason(gone, "Failed") == "OutOfMemory"


@pytest.mark.parametrize(
    ("last", "expected"),
    [
        (ended("train", 137, "", exit_reason="OOMKilled"), "OutOfMemory"),
        (ended("train", 13, ""), "DiskFull"),
        (ended("train", 1, failed("FromAnotherVersion", "m")), "BackoffLimitExceeded"),
    ],
)
def test_the_last_pod_speaks_and_not_one_that_was_interrupted(
    last: PodSnapshot, expected: str
) -> None:
    status = begun()
    word = {"outcome": "Interrupted", "reason": "Stopped", "message": "SIGTERM"}
    earlier = ended("train", 12, word, uid="earlier", finished=NOW - timedelta(minutes=9))
    job_ = training(status, failed=True, failure_reason="BackoffLimitExceeded")
    for pods in ((earlier, last), (last, earlier)):
        decision = settle(observe(status, training=job_, training_pods=pods))
        assert reason(decision, "Failed") == expected


def test_of_several_ranks_the_one_that_failed_speaks() -> None:
    status = begun()
    word = {"outcome": "Interrupted", "reason": "Stopped", "message": "SIGTERM"}
    pods = (
        ended("train", 12, word, uid="r0", index=0),
        ended("train", 1, failed("TrainingFailed", "NCCL."), uid="r1", index=1),
        ended("train", 11, failed("OutOfMemory", "No room."), uid="r2", index=2),
    )
    job_ = training(status, failed=True, failure_reason="PodFailurePolicy")
    decision = settle(observe(status, training=job_, training_pods=pods))
    assert reason(decision, "Failed") == "OutOfMemory"


def test_a_budget_of_nothing_is_kept_by_what_is_free() -> None:
    for budget in ({"maxCost": "0"}, {"maxCost": "9" * 32, "maxDuration": "9" * 31 + "d"}):
        status = begun()
        status.attempts[0].hourly_price = Decimal(0)
        runs = observe(status, of={"budget": budget}, training=training(status))
        runs = replace(runs, training_pods=(RUNNING,))
        assert decide_with_pools(runs, POOLS, NOW).actions == ()


def test_what_costs_beyond_all_measure_is_still_counted() -> None:
    status = begun()
    status.attempts[0].hourly_price = Decimal("9" * 32)
    decision = decide_with_pools(
        observe(status, training=training(status), training_pods=(RUNNING,)), POOLS, NOW
    )
    assert decision.status.cost is not None
    assert decision.status.cost.so_far > 0


def test_figures_of_an_earlier_attempt_are_not_told_as_the_new_ones() -> None:
    status = begun()
    earlier = Progress.model_validate({"step": 60, "maxSteps": 100, "etaSeconds": 600})
    status.progress = earlier
    new = observe(status, training=training(status), training_pods=(RUNNING,))
    starting = decide_with_pools(new, POOLS, NOW)
    assert reason(starting, "Training") == "Starting"
    assert starting.status.display is not None and starting.status.display.eta is None
    resumed = earlier.model_copy(update={"step": 50, "resumed_from": 50})
    heard = decide_with_pools(replace(new, progress=resumed), POOLS, NOW)
    assert (reason(heard, "Training"), heard.status.attempts[0].first_step) == ("Starting", 50)
    stepped = replace(new, progress=resumed.model_copy(update={"step": 51}))
    assert reason(decide_with_pools(stepped, POOLS, NOW), "Training") == "Training"
    unheard = observe(
        decide_with_pools(stepped, POOLS, NOW).status,
        training=training(status),
        training_pods=(RUNNING,),
    )
    assert reason(decide_with_pools(unheard, POOLS, NOW), "Training") == "Training"
