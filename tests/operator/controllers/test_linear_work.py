"""What is kept about all jobs costs each of them no more when there are more: counted in instructions."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import timedelta
from itertools import pairwise
from types import FrameType
from typing import Any

import pytest
from tests.kit.builders import NOW, POOL, FixedClock, build_snapshot, training, training_status
from tests.kit.operator.api_clients import FakeReader
from tests.kit.operator.costquota_api import FakeApi, Replica, planned_job, quota
from tests.kit.operator.output_writers import wire, writer

from dpojob_api.job import QueueStatus
from dpojob_operator.controllers.dpojob.pool_reservations import PoolReservations
from dpojob_operator.controllers.dpojob.waiting_jobs import WaitingJobs
from dpojob_operator.decide import Decision, PoolReservation
from dpojob_operator.decide.status_builder import StatusBuilder
from dpojob_operator.decide.summary import update_queue_wait
from dpojob_operator.indexes import DependentsIndex, OutputLockIndex
from dpojob_operator.kube.resources import COSTQUOTAS, DPOJOBS
from dpojob_operator.process.ready_keys import ReadyKeys
from dpojob_planner import PoolState

FEW, MANY = 200, 2000
GROWTH_PER_JOB = 1.5
"""The largest growth of the work per job with ten times the jobs: a binary search takes three steps more."""
STATUS = training_status()
SNAPSHOT = build_snapshot(STATUS, training=training(STATUS))
STATES = [PoolState(name="t4", spec=POOL, free=2, nodes=1)]


def count_instructions(call: Callable[[], object]) -> int:
    """Returns how many instructions of Python's virtual machine a call executes.

    What a built-in does is one instruction, so a loop in C is not seen.
    """
    executed = 0

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal executed
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        executed += event == "opcode"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        call()
    finally:
        sys.settrace(before)
    return executed


def places(count: int) -> None:
    """Each job begins to wait, its place is looked up once all wait, and its wait ends."""
    waiting = WaitingJobs()
    snapshot = build_snapshot(STATUS, training=SNAPSHOT.training, waiting_jobs=waiting.by_pool)
    builder = StatusBuilder(snapshot, STATES, NOW + timedelta(days=1))
    keys = [("ns", f"job-{number}") for number in range(count)]
    for number, key in enumerate(keys):
        since = NOW + timedelta(seconds=number)
        waiting.record(key, QueueStatus(pool="t4", since=since, position=1))
    for _ in keys:
        update_queue_wait(builder)
    for key in keys:
        waiting.remove(key)
    assert not waiting.by_pool


def reservations(count: int) -> None:
    """Each job asks for what is free, reserves a GPU, and gives it back."""
    kept = PoolReservations(FixedClock())
    keys = [("ns", f"job-{number}") for number in range(count)]
    planned = Decision(STATUS, reservation=PoolReservation("t4", 1))
    for key in keys:
        kept.available(key, STATES)
        kept.record(key, SNAPSHOT, planned)
    for key in keys:
        kept.remove(key)
    assert kept.available(keys[0], STATES) == STATES


def dependents(count: int) -> None:
    """Each job waits for the one before it; half of these change, all are deleted."""
    index = DependentsIndex()
    keys = [("ns", f"job-{number}") for number in range(count)]
    for other, key in pairwise(keys):
        index.add_dependent(other, key)
    for key in keys[::2]:
        index.pop_dependents(key)
    for key in keys:
        index.remove(key)


def queued_keys(count: int) -> None:
    """Each job is in a namespace of its own, and is queued."""
    ready: ReadyKeys[Any] = ReadyKeys(group=lambda key: key)
    for number in range(count):
        ready.put(number)
        assert len(ready) == number + 1


@pytest.mark.parametrize("work", [places, reservations, dependents, queued_keys])
def test_ten_times_the_jobs_are_ten_times_the_work(work: Callable[[int], None]) -> None:
    few, many = (count_instructions(lambda n=n: work(n)) for n in (FEW, MANY))  # type: ignore[misc]
    assert many / MANY < GROWTH_PER_JOB * few / FEW


def instructions_of_a_quota_refresh(count: int) -> int:
    """Two quotas, which hold half of the jobs, admit the other half."""
    api = FakeApi(NOW)
    replica = Replica(api)
    for name in ("month", "day"):
        api.store(COSTQUOTAS, quota(name, "1000000"))
    for half in (range(0, count, 2), range(1, count, 2)):
        for number in half:
            api.store(DPOJOBS, planned_job(f"job-{number}", 1))
        replica.see(DPOJOBS)
        replica.see(COSTQUOTAS)
        executed = count_instructions(replica.refresh)
    assert len(replica.requeued) == count
    return executed


def test_six_times_the_jobs_of_a_quota_are_six_times_the_work() -> None:
    few, many = 20, 120  # each search among the entries is a loop in Python, so fewer jobs show it
    work = instructions_of_a_quota_refresh(few) / few, instructions_of_a_quota_refresh(many) / many
    assert work[1] < GROWTH_PER_JOB * work[0]


async def test_of_many_jobs_that_name_one_directory_each_reads_only_the_first() -> None:
    reads = 0

    class Counted(FakeReader):
        async def get(self, *arguments: Any) -> dict[str, Any] | None:
            nonlocal reads
            reads += 1
            return await super().get(*arguments)

    fake, jobs = Counted(), [writer(name) for name in "abcdefghij"]
    index = OutputLockIndex(fake, DependentsIndex())  # type: ignore[arg-type]
    for one in reversed(jobs):
        fake.objects[one.name] = wire(one)
        index.record(wire(one))
    for one in jobs[1:]:
        found = await index.find_holder(one)
        assert found is not None and found.name == "a"
    assert reads == len(jobs) - 1
