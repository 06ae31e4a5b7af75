"""A DPOJob this operator cannot read: an older or newer CRD is installed."""

from __future__ import annotations

from datetime import datetime

from dpojob_api.conditions import Condition, ConditionType, Reason
from dpojob_api.job import DPOJobStatus


def invalid_spec_status(
    status: DPOJobStatus, generation: int, problem: str, now: datetime
) -> DPOJobStatus:
    """The status that says so. Not an end: another operator version may read it."""
    new = status.model_copy(deep=True)
    if new.is_true(ConditionType.FINISHED):
        return new
    new.observed_generation = generation
    message = (
        f"This operator cannot read the spec ({problem}). Install the CRDs and the operator of "
        "the same version."
    )
    for type_, value in ((ConditionType.READY, "False"), (ConditionType.STALLED, "True")):
        old = new.condition(type_)
        moved = old is None or old.status != value
        condition = Condition(
            type=str(type_),
            status=value,
            reason=str(Reason.INVALID_SPEC),
            message=message,
            observed_generation=generation,
            last_transition_time=now.replace(microsecond=0)
            if moved or old is None
            else old.last_transition_time,
        )
        new.conditions = [c for c in new.conditions if c.type != type_] + [condition]
    return new
