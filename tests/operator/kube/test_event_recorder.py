"""Events are created beside the reconciliations, and before a clean end."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import pytest
from tests.kit.builders import NOW, job, training_status
from tests.kit.waiting import run_event_loop

from dpojob_api.job import DPOJobStatus
from dpojob_api.status_condition import Condition
from dpojob_operator.kube import EventRecorder, event_recorder


class ApiClient:
    """A stand-in that creates nothing before `open` is set."""

    def __init__(self) -> None:
        self.open = asyncio.Event()
        self.created: list[str] = []

    async def create(self, _: Any, body: dict[str, Any]) -> None:
        await self.open.wait()
        self.created.append(body["message"])


def status(number: int) -> DPOJobStatus:
    changed = training_status()
    condition = Condition(
        type="Training",
        status="True",
        reason="Training",
        message=str(number),
        last_transition_time=NOW,
    )
    changed.conditions = [condition]
    return changed


async def recording(
    events: int,
    is_busy: Callable[[], bool] = lambda: False,
    clock: Callable[[], float] = time.monotonic,
) -> tuple[Any, asyncio.Task[None]]:
    """A running recorder that was given a number of Events, and the client with which it creates them."""
    cluster: Any = ApiClient()
    recorder = EventRecorder(cluster, is_busy, clock)
    running = asyncio.create_task(recorder.run())
    for number in range(events):
        recorder.record(job(None), status(number), NOW)
        await asyncio.sleep(0)
    return cluster, running


async def test_a_record_waits_for_nothing_and_a_clean_end_loses_none() -> None:
    cluster, running = await recording(20)
    assert cluster.created == []
    running.cancel()
    await asyncio.sleep(0)
    cluster.open.set()
    await asyncio.wait([running])
    assert sorted(set(cluster.created), key=int) == [str(number) for number in range(20)]


async def test_the_end_does_not_wait_for_an_api_server_that_is_away(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(event_recorder, "FLUSH_SECONDS", 0.0)
    _, running = await recording(5)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert "5 Events were not created" in caplog.text


async def test_events_wait_while_new_jobs_do_and_not_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(event_recorder, "LOOK_SECONDS", 0.0)
    busy, now = True, 0.0
    cluster, running = await recording(4, lambda: busy, lambda: now)
    cluster.open.set()

    async def created() -> list[str]:
        await run_event_loop()
        return sorted(set(cluster.created))

    assert await created() == []
    busy = False
    assert await created() == ["0", "1", "2", "3"]
    running.cancel()

    busy = True
    cluster, running = await recording(1, lambda: busy, lambda: now)
    cluster.open.set()
    assert await created() == []
    now = event_recorder.PATIENCE
    assert await created() == ["0"]
    running.cancel()


async def test_in_the_end_many_are_created_at_once_and_none_waits_for_a_slow_one() -> None:
    cluster, running = await recording(2000, is_busy=lambda: True)
    held, most = asyncio.Event(), 0
    requested: set[str] = set()

    async def create(_: Any, body: dict[str, Any]) -> None:
        nonlocal most
        requested.add(body["message"])
        most = max(most, len(requested))
        await (held.wait() if body["message"] == "0" else asyncio.sleep(0))
        requested.discard(body["message"])
        cluster.created.append(body["message"])
        if len(cluster.created) == 1999:
            held.set()

    cluster.create = create
    running.cancel()
    await asyncio.wait([running])
    assert sorted(cluster.created, key=int) == [str(number) for number in range(2000)]
    assert most == event_recorder.AT_ONCE_IN_THE_END


async def test_a_clean_end_waits_for_what_is_still_recorded() -> None:
    cluster: Any = ApiClient()
    cluster.open.set()
    recorder = EventRecorder(cluster, lambda: False)
    running = asyncio.create_task(recorder.run())
    answered = asyncio.Event()

    async def write() -> None:
        await answered.wait()
        recorder.record(job(None), status(1), NOW)

    async def work() -> None:
        with recorder.awaited():
            await recorder.finish(write())

    working = asyncio.create_task(work())
    await asyncio.sleep(0)
    running.cancel()
    await run_event_loop()
    assert not running.done(), "a source of Events goes on"
    working.cancel()
    await asyncio.wait([working])
    await run_event_loop()
    assert not running.done(), "a write goes on whose worker has ended"
    answered.set()
    await asyncio.wait([running])
    assert cluster.created == ["1"]
