"""`spec.suspend`, and queueing systems that hold the job's Jobs suspended."""

from __future__ import annotations

from dpojob_api.conditions import ConditionType, Reason
from dpojob_operator.decide.object_snapshots import WorkloadSnapshot
from dpojob_operator.decide.status_builder import StatusBuilder

POLL_SECONDS = 30.0
"""The pause between the looks at why a queueing system holds a Job; its Workloads are not watched."""
MESSAGE_LENGTH = 1000
"""Characters of Kueue's message in the condition's."""


def update_suspended(builder: StatusBuilder) -> None:
    """Set the condition Suspended from what holds the job now.

    Args:
        builder: The status under construction.
    """
    child = builder.snapshot.training or builder.snapshot.inspection
    old = builder.status.condition(ConditionType.SUSPENDED)
    if builder.job.spec.suspend:
        builder.set_suspended(
            True,
            Reason.SUSPENDED_BY_USER,
            "spec.suspend is true; set it to false to go on from the newest checkpoint.",
        )
    elif child is not None and child.suspended and not child.finished:
        builder.set_suspended(
            True,
            Reason.SUSPENDED_BY_QUEUE,
            f"A queueing system holds Job {child.name} suspended until it admits it."
            f"{_queue_message(builder.snapshot.workload)}",
        )
        builder.requeue_within(POLL_SECONDS)
    elif builder.status.is_true(ConditionType.SUSPENDED):
        builder.set_suspended(False, Reason.RESUMED, "Nothing holds the job back any more.")
    elif old is not None:
        builder.set_suspended(False, old.reason, old.message)
    else:
        builder.set_suspended(False, Reason.NOT_SUSPENDED)


def _queue_message(workload: WorkloadSnapshot | None) -> str:
    """What Kueue says of the Job, to follow a sentence; empty where it says nothing."""
    if workload is None or not workload.message:
        return ""
    queue = f"Kueue, queue {workload.queue}" if workload.queue else "Kueue"
    reason = f" ({workload.reason})" if workload.reason else ""
    return f" {queue}{reason}: {workload.message[:MESSAGE_LENGTH]}"


def hold_if_suspended(builder: StatusBuilder) -> bool:
    """Set the phase Suspended when the user wants nothing new to be started.

    Args:
        builder: The status under construction.

    Returns:
        Whether `spec.suspend` is true.
    """
    if not builder.job.spec.suspend:
        return False
    builder.set_phase("Suspended")
    return True
