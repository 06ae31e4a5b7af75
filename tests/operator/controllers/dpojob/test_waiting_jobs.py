"""The jobs that wait for a node, by pool."""

from __future__ import annotations

from datetime import timedelta

from tests.kit.builders import NOW

from dpojob_api.job import QueueStatus
from dpojob_operator.controllers.dpojob.waiting_jobs import WaitingJobs
from dpojob_operator.decide import WaitingJob
from dpojob_operator.decide.summary.queue_wait import rounded_place

A, B = ("ns", "a"), ("ns", "b")


def wait(pool: str = "t4", seconds: int = 0, position: int | None = 1) -> QueueStatus:
    return QueueStatus(pool=pool, since=NOW + timedelta(seconds=seconds), position=position)


def test_each_job_waits_in_at_most_one_pool_until_it_waits_no_more() -> None:
    jobs = WaitingJobs()
    jobs.record(A, wait())
    jobs.record(B, wait(seconds=1, position=2))
    first, second = WaitingJob(NOW, "ns/a"), WaitingJob(NOW + timedelta(seconds=1), "ns/b")
    assert jobs.by_pool == {"t4": [first, second]}
    jobs.record(B, wait("a10g", 1))
    assert jobs.by_pool == {"t4": [first], "a10g": [second]}
    jobs.record(A, QueueStatus(pool="t4", wait_seconds=3))
    jobs.remove(B)
    jobs.remove(B)
    assert not any(jobs.by_pool.values())


def test_a_job_that_a_queueing_system_orders_is_not_among_them() -> None:
    jobs = WaitingJobs()
    jobs.record(A, wait(position=None))
    assert not any(jobs.by_pool.values())


def test_the_end_of_a_wait_moves_few_jobs_however_many_wait() -> None:
    jobs = WaitingJobs()
    keys = [("ns", f"job-{number}") for number in range(1000)]
    for number, key in enumerate(keys):
        jobs.record(key, wait(seconds=number, position=rounded_place(number + 1)))
    assert jobs.moved() == []
    jobs.remove(keys[0])
    assert jobs.moved()[:20] == keys[1:21]
    assert len(jobs.moved()) < 50
