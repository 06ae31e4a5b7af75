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
from .invalid_spec import unreadable
from .stages import dependency, inspection, output_lock, planning, suspension, training
from .status_builder import Draft
from .types import (
    Action,
    CreateClaim,
    CreateInspection,
    CreateTraining,
    Decision,
    DeleteJob,
    DeleteSelf,
    DependencyFacts,
    Observed,
    OutputHolder,
    Policy,
    SharedInspection,
)

__all__ = [
    "Action",
    "CreateClaim",
    "CreateInspection",
    "CreateTraining",
    "Decision",
    "DeleteJob",
    "DeleteSelf",
    "DependencyFacts",
    "Observed",
    "OutputHolder",
    "Policy",
    "SharedInspection",
    "decide",
    "inspection_result",
    "unreadable",
]

STAGES = (dependency.stage, output_lock.stage, inspection.stage, planning.stage, training.stage)
"""Each says whether the next may go on; the first that does not ends the pass."""


def decide(observed: Observed, pools: Sequence[PoolState] | None, now: datetime) -> Decision:
    """The status to write and the actions to take.

    `pools` is None when they were not read. Where they turn out to be needed, the decision only says
    so (`wants_pools`), and is to be made again with them and with every claim the job names.
    """
    draft = Draft(observed, pools, now)
    if "deletionTimestamp" in observed.job.metadata:
        return draft.decision()  # everything of it is owned by it and goes with it
    if draft.finished:
        status_summary.after(draft)
        draft.status.observed_generation = observed.job.generation
        return draft.decision()
    suspension.mark(draft)
    if observed.stranger:
        draft.fail(
            Reason.JOB_NAME_CONFLICT,
            f"{observed.stranger} exists and is not this DPOJob's; it is left alone. "
            "Delete or rename it, then create this DPOJob again.",
        )
    else:
        for stage in STAGES:
            if not stage(draft):
                break
    if draft.finished:
        _no_attempt_left_open(draft)
    status_summary.summarise(draft)
    return draft.decision()


def _no_attempt_left_open(draft: Draft) -> None:
    attempt = draft.attempt
    if attempt is not None and attempt.end_time is None:
        attempt.end_time = draft.now
        attempt.outcome = attempt.outcome or "Failed"
    if draft.status.is_true(ConditionType.TRAINING):
        draft.condition(ConditionType.TRAINING, False, Reason.STOPPED)
