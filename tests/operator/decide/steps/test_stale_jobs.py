"""A training Job whose creation took effect after its attempt had ended."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.kit.builders import (
    NOW,
    POOLS,
    RUNNING,
    build_snapshot,
    decide_until_stable,
    job_snapshot,
    training,
    training_status,
)

from dpojob_api.job import ChildJob, DPOJobStatus
from dpojob_operator.decide import CreateTraining, DeleteJob
from dpojob_operator.decide.steps import decide_with_pools

LATE = job_snapshot("late")
DELETED = DeleteJob("late", LATE.uid)


def second_attempt(*, created: bool) -> DPOJobStatus:
    """A status whose first attempt was suspended before its Job was seen."""
    status = training_status()
    first, second = status.attempts[0], status.attempts[0].model_copy(deep=True)
    first.job, first.end_time, first.outcome = ChildJob(name="late"), NOW, "Suspended"
    second.number = 2
    second.job = ChildJob(name="second", uid="uid-of-second" if created else None)
    status.attempts.append(second)
    return status


def test_it_is_deleted_while_the_next_attempt_runs() -> None:
    status = second_attempt(created=True)
    snapshot = build_snapshot(
        status, training=training(status), training_pods=(RUNNING,), earlier_trainings=(LATE,)
    )
    decision = decide_with_pools(snapshot, POOLS, NOW)
    assert decision.actions == (DELETED,)
    assert decision.requeue_after is not None
    assert decision.status.attempts[-1].end_time is None
    assert decision.status.phase == "Training"


def test_the_next_attempts_job_is_created_only_when_it_is_gone() -> None:
    status = second_attempt(created=False)
    waiting = build_snapshot(status, earlier_trainings=(LATE,))
    assert decide_with_pools(waiting, POOLS, NOW).actions == (DELETED,)
    deleting = replace(waiting, earlier_trainings=(replace(LATE, deleting=True),))
    decision = decide_until_stable(deleting)
    assert decision.actions == () and decision.requeue_after is not None
    created = decide_with_pools(build_snapshot(status), POOLS, NOW).actions
    assert CreateTraining("second", 2) in created


@pytest.mark.parametrize("suspend", [True, False])
def test_it_is_deleted_when_no_attempt_is_open(suspend: bool) -> None:
    status = second_attempt(created=True)
    status.attempts.pop()
    snapshot = build_snapshot(status, spec_fields={"suspend": suspend}, training=LATE)
    decision = decide_with_pools(snapshot, POOLS, NOW)
    assert decision.actions == (DELETED,)
    assert len(decision.status.attempts) == 1


def test_it_is_deleted_after_the_end_of_the_job() -> None:
    status = second_attempt(created=True)
    done = training(status, complete=True)
    ended = decide_until_stable(build_snapshot(status, training=done))
    assert ended.status.phase == "Complete"
    snapshot = build_snapshot(ended.status, training=done, earlier_trainings=(LATE,))
    assert decide_with_pools(snapshot, POOLS, NOW).actions == (DELETED,)


def test_a_foreign_job_of_that_name_is_left_alone() -> None:
    status = second_attempt(created=True)
    status.attempts.pop()
    foreign = replace(LATE, owner="other")
    decision = decide_with_pools(build_snapshot(status, training=foreign), POOLS, NOW)
    assert not any(isinstance(action, DeleteJob) for action in decision.actions)
    assert len(decision.status.attempts) == 2
