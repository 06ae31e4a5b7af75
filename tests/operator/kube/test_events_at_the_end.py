"""What is written while the operator ends is recorded as Events."""

from __future__ import annotations

import asyncio
from typing import Any

from tests.kit.operator.operated_cluster import of_a_sweep, operated
from tests.kit.waiting import run_event_loop

from dpojob_operator.kube.resources import DPOJOBS, EVENTS


async def test_a_write_whose_answer_comes_after_the_signal_is_recorded() -> None:
    answered = asyncio.Event()
    async with operated() as found:
        cluster: Any = found.cluster
        write = cluster.write_status

        async def write_status(*arguments: Any) -> Any:
            stored = await write(*arguments)
            await answered.wait()
            return stored

        cluster.write_status = write_status
        cluster.put(DPOJOBS, of_a_sweep("x"))
        assert (await found.taken())["update dpojobs/status"] == 1
        recorded = len(cluster.objects(EVENTS))
        answering = asyncio.create_task(answer(answered))
    await answering
    events = cluster.objects(EVENTS)[recorded:]
    assert [event["involvedObject"]["name"] for event in events] == ["x"]


async def test_a_write_that_begins_before_the_workers_have_ended_is_recorded() -> None:
    async with operated() as found:
        recorded = len(found.cluster.objects(EVENTS))
        assert found.recording is not None
        found.recording.cancel()
        await found.after()
        found.cluster.put(DPOJOBS, of_a_sweep("x"))
        assert (await found.taken())["update dpojobs/status"] == 1
    events = found.cluster.objects(EVENTS)[recorded:]
    assert [event["involvedObject"]["name"] for event in events] == ["x"]


async def answer(answered: asyncio.Event) -> None:
    """Answers once the workers have ended, which takes them some iterations of the event loop."""
    await run_event_loop(50)
    answered.set()
