"""The work queue: coalescing, one worker per key, back-off."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest
from prometheus_client import REGISTRY
from tests.kit.waiting import LIMIT, run_event_loop

from dpojob_operator.controllers.work_queue import WorkQueue
from dpojob_operator.kube import ApiError, Conflict


async def drain(queue: WorkQueue[str], until: asyncio.Event) -> None:
    runner = asyncio.ensure_future(queue.run(4))
    try:
        await asyncio.wait_for(until.wait(), LIMIT)
    finally:
        runner.cancel()


async def test_a_key_added_often_is_worked_on_once() -> None:
    seen: Counter[str] = Counter()
    done = asyncio.Event()

    async def work(key: str) -> None:
        seen[key] += 1
        if key == "last":
            done.set()

    queue = WorkQueue(work, group=str, resource=str)
    for _ in range(100):
        queue.add("key")
    queue.add("last")
    await drain(queue, done)
    assert seen == {"key": 1, "last": 1}


async def test_a_key_is_never_worked_on_twice_at_once_and_an_event_meanwhile_is_not_lost() -> None:
    running, most, passes = 0, 0, 0
    done = asyncio.Event()

    async def work(key: str) -> None:
        nonlocal running, most, passes
        running, passes = running + 1, passes + 1
        most = max(most, running)
        if passes == 1:
            for _ in range(10):
                queue.add(key)
        await asyncio.sleep(0.01)
        running -= 1
        if passes == 2:
            done.set()

    queue = WorkQueue(work, group=str, resource=str)
    queue.add("key")
    await drain(queue, done)
    assert (most, passes) == (1, 2)


@pytest.mark.parametrize("error", [ApiError(500, "no"), RuntimeError("unforeseen")])
async def test_a_failing_key_is_retried_and_other_keys_are_not_delayed(error: Exception) -> None:
    tries: Counter[str] = Counter()
    done = asyncio.Event()

    async def work(key: str) -> None:
        tries[key] += 1
        if key == "bad" and tries["bad"] < 3:
            raise error
        if tries["bad"] == 3:
            done.set()

    queue = WorkQueue(work, group=str, resource=str)
    queue.add("bad")
    queue.add("good")
    await drain(queue, done)
    assert tries == {"bad": 3, "good": 1}


async def test_the_earlier_of_two_times_wins_and_a_direct_add_wins_over_both() -> None:
    seen: list[str] = []
    done = asyncio.Event()

    async def work(key: str) -> None:
        seen.append(key)
        if key == "end":
            done.set()

    queue = WorkQueue(work, group=str, resource=str)
    queue.add_after("key", 3600)
    queue.add_after("key", 0.01)
    queue.add_after("never", 3600)
    queue.add_after("direct", 3600)
    queue.add("direct")
    queue.add_after("end", 0.1)
    await drain(queue, done)
    assert seen == ["direct", "key", "end"]


async def test_a_change_that_can_wait_adds_no_pass_to_a_key_that_waits_for_a_worker() -> None:
    seen: list[str] = []
    done = asyncio.Event()

    async def work(key: str) -> None:
        seen.append(key)
        if key == "end":
            done.set()

    queue = WorkQueue(work, group=str, resource=str)
    queue.add("key")
    queue.add_after("key", 0.01)
    queue.add_after("end", 0.1)
    await drain(queue, done)
    assert seen == ["key", "end"]


async def test_keys_that_fail_are_counted_by_their_resource_until_a_pass_succeeds() -> None:
    errors = {
        "a": ApiError(503, "not now"),
        "b": ValueError("of a pass"),
        "c": Conflict(409, "edited"),
    }
    seen: Counter[str] = Counter()
    mended, failed, recovered = asyncio.Event(), asyncio.Event(), asyncio.Event()

    def failing(resource: str) -> float | None:
        return REGISTRY.get_sample_value("dpojob_failing_passes", {"resource": resource})

    async def work(key: str) -> None:
        seen[key] += 1
        if key == "check":
            (recovered if mended.is_set() else failed).set()
        elif key in errors and not mended.is_set():
            raise errors[key]

    queue = WorkQueue(work, group=str, resource=lambda key: f"test-{key > 'b'}")
    for key in ("a", "b", "c", "d"):
        queue.add(key)
    queue.add_after("check", 0.05)
    await drain(queue, failed)
    assert (failing("test-False"), failing("test-True")) == (2, 0), seen
    mended.set()
    for key in ("a", "b", "c"):
        queue.add(key)
    queue.add_after("check", 0.05)
    await drain(queue, recovered)
    assert (failing("test-False"), failing("test-True")) == (0, 0), seen


async def test_changes_are_collected_until_a_pause_and_for_four_pauses_at_most() -> None:
    begun = now = 1000.0
    asyncio.get_running_loop().time = lambda: now  # type: ignore[method-assign]
    seen: list[tuple[str, float]] = []

    async def work(key: str) -> None:
        seen.append((key, now - begun))

    queue = WorkQueue(work, group=str, resource=str)
    runner = asyncio.ensure_future(queue.run(4))
    queue.add_after("fixed", 0.75)
    for step in range(17):
        for key, changes in {"few": 4, "fixed": 6, "many": 16}.items():
            if step < changes:
                queue.collect(key, 0.5)
        await run_event_loop(5)
        now += 0.125
    runner.cancel()
    assert seen == [("fixed", 0.75), ("few", 0.875), ("many", 2.0)]
