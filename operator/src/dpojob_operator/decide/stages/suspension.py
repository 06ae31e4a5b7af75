"""`spec.suspend` and queueing systems that hold the job's Jobs."""

from __future__ import annotations

from dpojob_api.conditions import ConditionType, Reason
from dpojob_operator.decide.status_builder import Draft


def mark(draft: Draft) -> None:
    """Sets the condition Suspended from what holds the job now."""
    type_ = ConditionType.SUSPENDED
    child = draft.observed.training or draft.observed.inspection
    if draft.job.spec.suspend:
        draft.condition(
            type_,
            True,
            Reason.SUSPENDED_BY_USER,
            "spec.suspend is true; set it to false to go on from the newest checkpoint.",
        )
    elif child is not None and child.suspended and not child.finished:
        draft.condition(
            type_,
            True,
            Reason.SUSPENDED_BY_QUEUE,
            f"A queueing system holds Job {child.name} suspended until it admits it.",
        )
    elif draft.status.is_true(type_):
        draft.condition(type_, False, Reason.RESUMED, "Nothing holds the job back any more.")
    elif (old := draft.status.condition(type_)) is not None:
        draft.condition(type_, False, old.reason, old.message)
    else:
        draft.condition(type_, False, Reason.NOT_SUSPENDED)


def hold(draft: Draft) -> bool:
    """Whether nothing new may be started, by the user's wish."""
    if not draft.job.spec.suspend:
        return False
    draft.phase("Suspended")
    return True
