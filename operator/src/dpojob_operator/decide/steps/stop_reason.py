"""Why an attempt that has not ended must be stopped: its user, the budget, a quota, or a pod that cannot go on."""

from __future__ import annotations

from dpojob_api.conditions import Reason
from dpojob_api.job import Attempt
from dpojob_operator.decide import cost
from dpojob_operator.decide.cost_quota import quota_exceeded
from dpojob_operator.decide.object_snapshots import JobSnapshot
from dpojob_operator.decide.status_builder import StatusBuilder

from . import job_result
from .planning import REPLANNED
from .pod_diagnosis import (
    missing_secret_message,
    pod_missing_secret,
    secret_wait_is_over,
    storage_eviction,
)

SUSPENDED = "Suspended"
FAILED = "Failed"


def stop_reason(
    builder: StatusBuilder, job: JobSnapshot, attempts: list[Attempt]
) -> tuple[str, str, str] | None:
    """Outcome, reason and message when a running or waiting attempt must be stopped.

    Args:
        builder: The status under construction.
        job: The Job of the newest attempt, which has not finished.
        attempts: All attempts with their GPU time up to now, whether or not progress and cost may be
            written in this pass.

    Returns:
        The three strings; None when the attempt may go on.
    """
    if builder.job.spec.suspend:
        return SUSPENDED, Reason.SUSPENDED_BY_USER, "Stopping; the pod saves a checkpoint."
    budget = builder.job.spec.budget
    over = cost.budget_exceeded(budget, attempts, builder.policy.currency)
    if over is not None and not builder.grace_is_over("budget exceeded", 0.0):
        return None
    if over is not None:
        advice = "The newest checkpoint is kept; raise the budget in a new DPOJob to go on."
        return FAILED, Reason.BUDGET_EXCEEDED, f"{over} {advice}"
    full = quota_exceeded(builder, attempts)
    if full is not None and not builder.grace_is_over("cost quota exceeded", 0.0):
        return None
    pods = builder.snapshot.training_pods
    if full is not None and any(pod.running and not pod.deleting for pod in pods):
        advice = "The newest checkpoint is kept; a new DPOJob goes on from it when there is room."
        return FAILED, Reason.COST_QUOTA_USED_UP, f"{full} {advice}"
    pod = pod_missing_secret(pods)
    if pod is not None and secret_wait_is_over(builder, pod):
        return FAILED, Reason.SECRET_NOT_FOUND, missing_secret_message(pod.waiting_message)
    running = any(pod.running for pod in pods)
    left_over = cost.budget_seconds_left(budget, attempts, attempts[-1].gpus)
    if running and left_over is not None:
        builder.requeue_within(left_over + 0.1)
    if any(job_result.out_of_main_memory(pod) for pod in pods):
        return FAILED, Reason.OUT_OF_MEMORY, job_result.MAIN_MEMORY_MESSAGE
    eviction = storage_eviction(pods)
    if eviction is not None:
        return FAILED, Reason.DISK_FULL, f"The training pod was evicted: {eviction}"
    if full is not None and not job_result.all_pods_succeeded(builder, job):
        # Held or evicted by a queue, or without a node: nothing costs, so it waits for the quota instead.
        return REPLANNED, Reason.COST_QUOTA_EXCEEDED, full
    return None
