"""Which decisions cannot be taken back, and are made again from live reads before they are written."""

from __future__ import annotations

from dpojob_api.conditions import ConditionType
from dpojob_api.job import DPOJobStatus

from .types import Decision, DeleteJob, DeleteSelf


def is_irreversible(old: DPOJobStatus, decision: Decision) -> bool:
    """Check whether a decision ends the job or an attempt, or deletes something.

    Args:
        old: The status that the decision was made from.
        decision: The decision.

    Returns:
        Whether what it rests on must be read live.
    """
    new = decision.status
    finishes = new.is_true(ConditionType.FINISHED) and not old.is_true(ConditionType.FINISHED)
    deletes = any(isinstance(action, DeleteJob | DeleteSelf) for action in decision.actions)
    ended_before = [(attempt.outcome, attempt.end_time) for attempt in old.attempts]
    ended = [(attempt.outcome, attempt.end_time) for attempt in new.attempts]
    ended_before += [(None, None)] * (len(ended) - len(ended_before))
    return finishes or deletes or ended != ended_before
