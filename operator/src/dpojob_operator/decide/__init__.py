"""What to do about one DPOJob: a pure function of what was observed.

`decide` reads nothing, writes nothing and knows no clock: the same observation, pools and time give
the same decision, and a decision's status, observed again, gives no further change.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from dpojob_api.conditions import ConditionType, Reason
from dpojob_planner import PoolState

from . import inspection_result, status_summary
from .invalid_spec import invalid_spec_status
from .stages import dependency, inspection, output_lock, planning, suspension, training
from .status_builder import StatusBuilder
from .types import (
    Action,
    CreateClaim,
    CreateInspection,
    CreateTraining,
    Decision,
    DeleteJob,
    DeleteSelf,
    DependencySnapshot,
    OutputHolder,
    Policy,
    SharedInspection,
    Snapshot,
)

__all__ = [
    "Action",
    "CreateClaim",
    "CreateInspection",
    "CreateTraining",
    "Decision",
    "DeleteJob",
    "DeleteSelf",
    "DependencySnapshot",
    "OutputHolder",
    "Policy",
    "SharedInspection",
    "Snapshot",
    "decide",
    "inspection_result",
    "invalid_spec_status",
]

STAGES = (dependency.stage, output_lock.stage, inspection.stage, planning.stage, training.stage)
"""Each says whether the next may go on; the first that does not ends the pass."""


def decide(snapshot: Snapshot, pools: Sequence[PoolState] | None, now: datetime) -> Decision:
    """The status to write and the actions to take.

    `pools` is None when they were not read. Where they turn out to be needed, the decision only says
    so (`wants_pools`), and is to be made again with them and with every claim the job names.
    """
    builder = StatusBuilder(snapshot, pools, now)
    if "deletionTimestamp" in snapshot.job.metadata:
        return builder.build()  # everything of it is owned by it and goes with it
    if builder.finished:
        status_summary.after(builder)
        builder.status.observed_generation = snapshot.job.generation
        return builder.build()
    suspension.update_suspended(builder)
    if snapshot.conflicting_object:
        builder.fail(
            Reason.JOB_NAME_CONFLICT,
            f"{snapshot.conflicting_object} exists and is not this DPOJob's; it is left alone. "
            "Delete or rename it, then create this DPOJob again.",
        )
    else:
        for stage in STAGES:
            if not stage(builder):
                break
    if builder.finished:
        _no_attempt_left_open(builder)
    status_summary.summarise(builder)
    return builder.build()


def _no_attempt_left_open(builder: StatusBuilder) -> None:
    attempt = builder.attempt
    if attempt is not None and attempt.end_time is None:
        attempt.end_time = builder.now
        attempt.outcome = attempt.outcome or "Failed"
    if builder.status.is_true(ConditionType.TRAINING):
        builder.set_condition(ConditionType.TRAINING, False, Reason.STOPPED)
