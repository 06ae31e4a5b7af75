"""`status.queue`: how long a job has waited for a node of its pool, and its place among those that wait.

Nothing in it changes while nothing happens: the wait that goes on is given by its beginning.
"""

from __future__ import annotations

from bisect import bisect_left
from datetime import datetime

from dpojob_api.job import QueueStatus
from dpojob_operator.decide.status_builder import StatusBuilder
from dpojob_operator.decide.types import WaitingJob

EXACT_PLACES = 20
"""Places up to this one are exact. Those behind are rounded up, so that the end of one job's wait changes
the status of a few dozen others and not of thousands."""


def update_queue_wait(builder: StatusBuilder) -> None:
    """Set `status.queue` from what the newest attempt waits for now.

    Args:
        builder: The status, with the newest attempt and the plan set.
    """
    old = builder.status.queue
    attempt = builder.attempt
    if not _waits(builder):
        if old is not None and old.since is not None:
            builder.status.queue = _ended(builder, old)
        return
    assert attempt is not None  # it waits
    since = builder.now if old is None or old.since is None else old.since
    builder.status.queue = QueueStatus(
        pool=attempt.pool,
        since=since,
        position=_position(builder, attempt.pool, since),
        wait_seconds=0.0 if old is None else old.wait_seconds,
    )


def _waits(builder: StatusBuilder) -> bool:
    """Whether the newest attempt has a Job, or is about to, and a pod of it has no node."""
    attempt, job = builder.attempt, builder.snapshot.training
    if builder.finished or attempt is None or attempt.end_time is not None:
        return False
    if (
        attempt.outcome is not None
        or builder.job.spec.suspend
        or (job is not None and job.finished)
    ):
        return False
    pods = builder.snapshot.training_pods
    return not pods or any(pod.finished is None and not pod.scheduled for pod in pods)


def _ended(builder: StatusBuilder, queue: QueueStatus) -> QueueStatus:
    assert queue.since is not None
    waited = max(0.0, (builder.now - queue.since).total_seconds())
    return QueueStatus(pool=queue.pool, wait_seconds=queue.wait_seconds + waited)


def _position(builder: StatusBuilder, pool: str | None, since: datetime) -> int | None:
    """The place, from 1, by the beginning of the wait; None where a queueing system orders the jobs."""
    job = builder.snapshot.training
    if pool is None or (job is not None and job.suspended):
        return None
    own = WaitingJob(since, f"{builder.job.namespace}/{builder.job.name}")
    return rounded_place(1 + bisect_left(builder.snapshot.waiting_jobs.get(pool, ()), own))


def rounded_place(place: int) -> int:
    """Round a place up to one significant digit, from EXACT_PLACES on.

    Args:
        place: The place, from 1.

    Returns:
        The place itself up to EXACT_PLACES, else the next number of one significant digit.
    """
    if place <= EXACT_PLACES:
        return place
    step = int(10 ** (len(str(place - 1)) - 1))
    return int(-(-place // step) * step)
