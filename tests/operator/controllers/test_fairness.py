"""Workers are shared by namespace: how many keys of others are taken before a namespace's first."""

from __future__ import annotations

import asyncio

import pytest
from tests.kit.waiting import LIMIT, run_event_loop

from dpojob_operator.controllers.work_queue import WorkQueue
from dpojob_operator.process.ready_keys import PATIENCE

Key = tuple[str, str]
WORKERS = 16
MANY = 5000


def namespace(key: Key) -> str:
    return key[0]


async def run_until(done: asyncio.Event, queue: WorkQueue[Key], workers: int = 1) -> None:
    """Works until the event is set."""
    runner = asyncio.ensure_future(queue.run(workers))
    try:
        await asyncio.wait_for(done.wait(), LIMIT)
    finally:
        runner.cancel()


async def order(keys: list[Key], late: list[Key], workers: int = 1) -> list[Key]:
    """The order in which keys are taken; `late` ones are added once the first was taken."""
    taken: list[Key] = []
    done = asyncio.Event()

    async def work(key: Key) -> None:
        taken.append(key)
        if len(taken) == 1:
            for other in late:
                queue.add(other)
        if len(taken) == len(keys) + len(late):
            done.set()

    queue = WorkQueue(work, group=namespace, resource=namespace)
    for key in keys:
        queue.add(key)
    await run_until(done, queue, workers)
    return taken


async def test_the_first_job_of_a_namespace_waits_for_one_job_of_each_other() -> None:
    keys = [("a", str(n)) for n in range(MANY)] + [("b", str(n)) for n in range(MANY)]
    taken = await order(keys, [("c", "first")])
    assert taken.index(("c", "first")) <= 1 + 2


async def test_jobs_of_one_namespace_keep_their_order_and_others_are_served_in_between() -> None:
    keys = [("a", str(n)) for n in range(4)] + [("b", str(n)) for n in range(2)]
    taken = await order(keys, [])
    assert taken == [("a", "0"), ("b", "0"), ("a", "1"), ("b", "1"), ("a", "2"), ("a", "3")]


@pytest.mark.parametrize(("workers", "most"), [(WORKERS, 12), (1, 1)])
async def test_slow_jobs_of_one_namespace_leave_workers_to_others(workers: int, most: int) -> None:
    """Every pass over a job of the first namespace hangs, until the other's first job was taken."""
    begun, hang, served = 0, asyncio.Event(), asyncio.Event()

    async def work(key: Key) -> None:
        nonlocal begun
        if namespace(key) == "b":
            served.set()
            return
        begun += 1
        await hang.wait()

    queue = WorkQueue(work, group=namespace, resource=namespace)
    for number in range(100):
        queue.add(("a", str(number)))
    runner = asyncio.ensure_future(queue.run(workers))
    try:
        await run_event_loop(3)
        assert begun == most
        queue.add(("b", "first"))
        if workers == 1:
            hang.set()
        await asyncio.wait_for(served.wait(), LIMIT)
        assert workers == 1 or begun == most
    finally:
        runner.cancel()


@pytest.mark.parametrize(
    ("waited", "expected"),
    [(0.0, "nnnnnnnnllll"), (PATIENCE, "nnnlnnnlnnll")],
    ids=["for a moment", "long"],
)
async def test_keys_that_can_wait_come_last_and_are_never_kept_waiting_for_all_others(
    waited: float, expected: str
) -> None:
    taken: list[Key] = []
    done = asyncio.Event()
    now = 0.0

    async def work(key: Key) -> None:
        taken.append(key)
        if len(taken) == 12:
            done.set()

    queue = WorkQueue(work, group=namespace, resource=namespace, clock=lambda: now)
    for number in range(4):
        queue.add(("a", f"later-{number}"), later=True)
    now = waited
    for number in range(8):
        queue.add(("a", f"new-{number}"))
        queue.add(("a", "later-0"), later=True)
    await run_until(done, queue)
    kinds = "".join(name[0] for _, name in taken)
    assert kinds == expected
    assert [name for _, name in taken if name[0] == "l"] == [f"later-{n}" for n in range(4)]


async def test_many_keys_that_can_wait_take_a_quarter_of_the_workers() -> None:
    """Else the status writes of many jobs would keep the Job controller from making the last one's pod."""
    begun: list[str] = []
    hang, done = asyncio.Event(), asyncio.Event()

    async def work(key: Key) -> None:
        begun.append(key[1])
        if key[1] == "new":
            done.set()
        if not hang.is_set():
            await hang.wait()
        if len(begun) == 101:
            all_begun.set()

    all_begun = asyncio.Event()
    queue = WorkQueue(work, group=namespace, resource=namespace)
    for number in range(100):
        queue.add(("a", str(number)), later=True)
    runner = asyncio.ensure_future(queue.run(WORKERS))
    try:
        await run_event_loop(3)
        assert len(begun) == WORKERS // 4
        queue.add(("a", "new"))
        await asyncio.wait_for(done.wait(), 60)
        assert len(begun) == WORKERS // 4 + 1
        hang.set()
        await asyncio.wait_for(all_begun.wait(), 60)
    finally:
        runner.cancel()


async def test_keys_that_are_due_again_do_not_come_before_what_waits() -> None:
    """Running jobs are due every few seconds; what a child of another job changed must not wait for all of them."""
    taken: list[Key] = []
    done = asyncio.Event()

    async def work(key: Key) -> float | None:
        await asyncio.sleep(0)
        taken.append(key)
        if key[1] == "child":
            done.set()
        return 0.0 if key[1].startswith("running") else None

    queue = WorkQueue(work, group=namespace, resource=namespace)
    for number in range(3):
        queue.add_after(("a", f"running-{number}"), 0.0)
    queue.add(("a", "child"), later=True)
    await run_until(done, queue)
    assert [name for _, name in taken[:4]] == ["running-0", "running-1", "running-2", "child"]
