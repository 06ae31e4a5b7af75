"""What a job waits for, where it waits."""

from __future__ import annotations

from dpojob_api.base import JSONObject
from dpojob_api.conditions import ConditionType, Reason
from dpojob_api.job import DPOJob

_WAITING_PHASES = ("Waiting", "Queued", "Suspended")
_OBSTACLES = {
    Reason.WAITING_FOR_INSPECTION: "the inspection of another job",
    Reason.WAITING_FOR_CLAIM: "a volume claim",
    Reason.NO_NODE_FITS: "a node",
    Reason.IMAGE_PULL_FAILED: "an image",
    Reason.QUOTA_EXCEEDED: "the namespace's quota",
    Reason.CREATION_REFUSED: "a policy of the cluster",
}
"""Reasons of waiting to what is waited for."""


def waits_for(job: DPOJob) -> JSONObject | None:
    """Tells what a job waits for.

    Args:
        job: The job.

    Returns:
        "kind" (job, pool, person or other), "name", and "reason" and "message" of the condition Ready;
        for a DPOJob also its key as "target". None where the job does not wait, or has finished.
    """
    status = job.status
    if status.is_true(ConditionType.COMPLETE) or status.is_true(ConditionType.FAILED):
        return None
    ready = status.condition(ConditionType.READY)
    reason, message = ("", "") if ready is None else (ready.reason, ready.message)
    if status.phase not in _WAITING_PHASES and reason not in _OBSTACLES:
        return None
    found: JSONObject = {"reason": reason, "message": message}
    reference = job.spec.model.from_job
    if job.spec.suspend:
        return found | {"kind": "person", "name": "dpojob resume"}
    if reference is not None and status.dependency is None:
        target = f"{job.namespace}/{reference.name}" if reference.kind == "DPOJob" else None
        return found | {
            "kind": "job",
            "name": f"{reference.kind} {reference.name}",
            "target": target,
        }
    if reason in _OBSTACLES:
        return found | {"kind": "other", "name": _OBSTACLES[Reason(reason)]}
    if status.plan is not None:
        return found | {"kind": "pool", "name": status.plan.pool}
    return found | {"kind": "other", "name": reason or status.phase}
