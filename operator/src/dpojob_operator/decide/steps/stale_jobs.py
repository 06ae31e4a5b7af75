"""Step: delete training Jobs of attempts that have ended.

An attempt begins only when the Job of the one before is gone. A creation whose answer was lost may still
take effect later, and that Job would write to the output directory beside the newest attempt's.
"""

from __future__ import annotations

from dpojob_operator.decide.object_snapshots import JobSnapshot
from dpojob_operator.decide.status_builder import StatusBuilder
from dpojob_operator.decide.types import DeleteJob

POLL_SECONDS = 5.0


def stale_trainings(builder: StatusBuilder) -> list[JobSnapshot]:
    """List this DPOJob's training Jobs of attempts that have ended.

    Args:
        builder: The status under construction.

    Returns:
        The Jobs, those that are being deleted included.
    """
    attempt, newest = builder.attempt, builder.snapshot.training
    found = list(builder.snapshot.earlier_trainings)
    if newest is not None and attempt is not None and attempt.end_time is not None:
        found.append(newest)
    return [job for job in found if job.owner == builder.job.uid]


def delete_stale_trainings(builder: StatusBuilder) -> bool:
    """Delete the training Jobs of attempts that have ended.

    Args:
        builder: The status under construction.

    Returns:
        Always True: the later steps run, and none creates a training Job while these exist.
    """
    for job in stale_trainings(builder):
        if not job.deleting:
            builder.add_action(DeleteJob(job.name, job.uid))
        builder.requeue_within(POLL_SECONDS)
    return True
