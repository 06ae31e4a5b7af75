"""The two entry points: a decision without the GPUPools, and one with them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from dpojob_api.conditions import Reason
from dpojob_operator.decide import ttl
from dpojob_operator.decide.child_names import name_conflict_message
from dpojob_operator.decide.cost_quota import is_recorded, wait_for_admission
from dpojob_operator.decide.queueing import (
    apply_queue_edits,
    dispatched_job,
    fail_dispatched,
    update_suspended,
)
from dpojob_operator.decide.status_builder import StatusBuilder
from dpojob_operator.decide.summary import summarise, update_queue_wait
from dpojob_operator.decide.types import Decision, PlanningRequest, Snapshot
from dpojob_planner import PoolState

from .dependency import resolve_dependency
from .evaluation import check_judge, check_prompts
from .inspection import inspect_dataset
from .output_lock import check_output_lock
from .planning import choose_plan
from .stale_jobs import delete_stale_trainings
from .training import run_training

STEPS = (
    delete_stale_trainings,
    resolve_dependency,
    check_output_lock,
    check_judge,
    inspect_dataset,
    check_prompts,
    choose_plan,
    wait_for_admission,
    run_training,
)
"""The steps in the order in which they are applied to a job; the first that returns False ends the pass."""


def decide(snapshot: Snapshot, now: datetime) -> Decision | PlanningRequest:
    """Decide what to do about one DPOJob, as far as that is possible without the GPUPools.

    Args:
        snapshot: The job and the objects it depends on, as read.
        now: The time of the decision, in UTC.

    Returns:
        The decision; or, when it depends on the pools, the request to read them and to call
        `decide_with_pools`.
    """
    builder = StatusBuilder(snapshot, None, now)
    _apply_rules(builder)
    return builder.planning_request or builder.build()


def decide_with_pools(snapshot: Snapshot, pools: Sequence[PoolState], now: datetime) -> Decision:
    """Decide what to do about one DPOJob, with everything that planning needs.

    Args:
        snapshot: The job and the objects it depends on, with what the `PlanningRequest` names.
        pools: The GPUPools as the planner sees them.
        now: The time of the decision, in UTC.

    Returns:
        The decision.
    """
    builder = StatusBuilder(snapshot, pools, now)
    _apply_rules(builder)
    return builder.build()


def _apply_rules(builder: StatusBuilder) -> None:
    if "deletionTimestamp" in builder.job.metadata:
        return  # its children are owned by it and are deleted with it
    if builder.finished:
        ttl.clean_up_finished(builder, cost_recorded=is_recorded(builder))
        builder.status.observed_generation = builder.job.generation
        return
    update_suspended(builder)
    if not builder.job.spec.suspend:
        apply_queue_edits(builder)
    if builder.snapshot.conflicting_object:
        builder.fail(
            Reason.JOB_NAME_CONFLICT, name_conflict_message(builder.snapshot.conflicting_object)
        )
    elif builder.snapshot.oversized_inputs:
        builder.fail(Reason.SPEC_TOO_LARGE, builder.snapshot.oversized_inputs)
    elif (dispatched := dispatched_job(builder)) is not None:
        fail_dispatched(builder, dispatched)
    else:
        for step in STEPS:
            if not step(builder):
                break
    if builder.planning_request is not None:
        return  # what was built is not used: `decide_with_pools` builds it anew
    if builder.finished:
        _end_open_attempt(builder)
    update_queue_wait(builder)
    summarise(builder)


def _end_open_attempt(builder: StatusBuilder) -> None:
    attempt = builder.attempt
    if attempt is not None and attempt.end_time is None:
        attempt.end_time = builder.now
        attempt.outcome = attempt.outcome or "Failed"
