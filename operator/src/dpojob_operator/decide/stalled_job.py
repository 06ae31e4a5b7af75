"""The status of a DPOJob that this operator cannot go on with: it cannot be parsed, or the passes over it fail."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from dpojob_api.conditions import ConditionType, Reason
from dpojob_api.job import DPOJobStatus

from .conditions import next_condition

WRITTEN_FIELDS = ("conditions", "observedGeneration")
"""The fields of the status that are written; all else in it stays as another version of the operator may have written it."""


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
    message = (
        f"This operator cannot read the {part} ({problem}). Install the CRDs and the operator of "
        "the same version."
    )
    return _stalled(status, generation, Reason.INVALID_SPEC, message, now)


def failed_pass_status(
    status: DPOJobStatus, generation: int, error: Exception, now: datetime
) -> DPOJobStatus:
    """Build the status that reports an unexpected error of the operator in a pass over the job.

    The job does not fail, since the error is not the job's; a later pass that succeeds replaces the conditions.
    The message has the error's type alone: its text may hold what belongs to other namespaces.

    Args:
        status: The status as it was read.
        generation: Generation of the DPOJob.
        error: What the pass raised.
        now: The time of the pass, in UTC.

    Returns:
        A changed copy of `status`; an unchanged one when the job has finished.
    """
    message = (
        f"The operator failed at this job with an unexpected {type(error).__name__}; its log has the "
        "details. What was created for the job is left alone, and the operator tries again."
    )
    return _stalled(status, generation, Reason.RECONCILE_ERROR, message, now)


def readable_conditions(raw: Mapping[str, Any]) -> DPOJobStatus | None:
    """Read as much of a status as the reports here change.

    Args:
        raw: The DPOJob, as parsed from JSON.

    Returns:
        A status with the conditions and nothing else; None when they cannot be read.
    """
    whole = raw.get("status") or {}
    read = {name: whole[name] for name in WRITTEN_FIELDS if name in whole}
    try:
        return DPOJobStatus.model_validate(read)
    except ValidationError:
        return None


def with_conditions(raw: Mapping[str, Any], new: DPOJobStatus) -> dict[str, Any]:
    """Put the conditions of a report into the whole status.

    Args:
        raw: The DPOJob, as parsed from JSON.
        new: What one of the reports here returned.

    Returns:
        The status to write, in which all else is as in `raw`.
    """
    wire = new.wire()
    return {**(raw.get("status") or {}), **{name: wire[name] for name in WRITTEN_FIELDS}}


def _stalled(
    status: DPOJobStatus, generation: int, reason: Reason, message: str, now: datetime
) -> DPOJobStatus:
    new = status.model_copy(deep=True)
    if new.is_true(ConditionType.FINISHED):
        return new
    new.observed_generation = generation
    for type_, value in ((ConditionType.READY, "False"), (ConditionType.STALLED, "True")):
        condition = next_condition(new.conditions, type_, value, reason, message, generation, now)
        new.conditions = [c for c in new.conditions if c.type != type_] + [condition]
    return new
