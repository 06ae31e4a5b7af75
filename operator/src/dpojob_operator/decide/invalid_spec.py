"""The status of a DPOJob whose spec or status this operator cannot parse: an older or newer CRD is installed."""

from __future__ import annotations

from datetime import datetime

from dpojob_api.conditions import ConditionType, Reason
from dpojob_api.job import DPOJobStatus

from .conditions import next_condition


def invalid_spec_status(
    status: DPOJobStatus, generation: int, part: str, problem: str, now: datetime
) -> DPOJobStatus:
    """Build the status that reports an unparsable spec or status.

    The job does not fail: another version of the operator may be able to parse it.

    Args:
        status: The status as it was read.
        generation: Generation of the DPOJob.
        part: The part of the object that cannot be parsed: "spec" or "status".
        problem: The field that cannot be parsed, and why.
        now: The time of the decision, in UTC.

    Returns:
        A changed copy of `status`; an unchanged one when the job has finished.
    """
    new = status.model_copy(deep=True)
    if new.is_true(ConditionType.FINISHED):
        return new
    new.observed_generation = generation
    message = (
        f"This operator cannot read the {part} ({problem}). Install the CRDs and the operator of "
        "the same version."
    )
    for type_, value in ((ConditionType.READY, "False"), (ConditionType.STALLED, "True")):
        old = new.condition(type_)
        condition = next_condition(old, type_, value, Reason.INVALID_SPEC, message, generation, now)
        new.conditions = [c for c in new.conditions if c.type != type_] + [condition]
    return new
