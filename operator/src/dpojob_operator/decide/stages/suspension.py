"""`spec.suspend` and queueing systems that hold the job's Jobs."""

from __future__ import annotations

from dpojob_api.conditions import ConditionType, Reason
from dpojob_operator.decide.status_builder import StatusBuilder


def update_suspended(builder: StatusBuilder) -> None:
    """Sets the condition Suspended from what holds the job now."""
    type_ = ConditionType.SUSPENDED
    child = builder.snapshot.training or builder.snapshot.inspection
    if builder.job.spec.suspend:
        builder.set_condition(
            type_,
            True,
            Reason.SUSPENDED_BY_USER,
            "spec.suspend is true; set it to false to go on from the newest checkpoint.",
        )
    elif child is not None and child.suspended and not child.finished:
        builder.set_condition(
            type_,
            True,
            Reason.SUSPENDED_BY_QUEUE,
            f"A queueing system holds Job {child.name} suspended until it admits it.",
        )
    elif builder.status.is_true(type_):
        builder.set_condition(type_, False, Reason.RESUMED, "Nothing holds the job back any more.")
    elif (old := builder.status.condition(type_)) is not None:
        builder.set_condition(type_, False, old.reason, old.message)
    else:
        builder.set_condition(type_, False, Reason.NOT_SUSPENDED)


def hold_if_suspended(builder: StatusBuilder) -> bool:
    """Whether nothing new may be started, by the user's wish."""
    if not builder.job.spec.suspend:
        return False
    builder.set_phase("Suspended")
    return True
