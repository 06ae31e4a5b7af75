"""A running pod whose progress cannot be read: after a while it is unreachable, and says so until it answers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from prometheus_client import REGISTRY

from dpojob_api.progress import Progress
from dpojob_operator.controllers.dpojob import ProgressPoller, progress_poller
from dpojob_operator.decide.object_snapshots import PodSnapshot

KEY = ("ns", "silent")


class Pod:
    """A stand-in for reading a pod: it answers or does not."""

    answers = False

    async def read(self, *_: Any) -> Progress | None:
        return Progress(step=1, max_steps=2) if self.answers else None


def gauge() -> float | None:
    labels = {"namespace": KEY[0], "name": KEY[1]}
    return REGISTRY.get_sample_value("dpojob_training_unreachable", labels)


async def changes(poller: ProgressPoller, until: Callable[[], bool]) -> None:
    running = asyncio.ensure_future(poller.run())
    try:
        async with asyncio.timeout(30):
            while not until():
                await asyncio.sleep(0.001)
    finally:
        running.cancel()


async def test_a_pod_that_stays_silent_is_unreachable_until_it_answers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pod, notified, now = Pod(), [], [100.0]
    monkeypatch.setattr(ProgressPoller, "_read", pod.read)
    # The event loop keeps the machine's clock.
    monkeypatch.setattr(progress_poller, "time", SimpleNamespace(monotonic=lambda: now[0]))
    poller = ProgressPoller(
        None,  # type: ignore[arg-type]  # nothing is read
        by_proxy=False,
        every=0.001,
        notify_every=3600,
        notify=notified.append,
    )
    poller.watch(KEY, PodSnapshot(name="p", uid="u", address="10.0.0.1"))
    watched = poller._watched[KEY]
    await changes(poller, lambda: watched.failures >= 1 and not watched.reading)
    assert gauge() == 0 and not poller.unreachable(KEY, "u"), "it may be starting"
    now[0] += 59
    await changes(poller, lambda: watched.failures >= 2 and not watched.reading)
    assert not poller.unreachable(KEY, "u") and notified == []
    now[0] += 30
    await changes(poller, lambda: poller.unreachable(KEY, "u"))
    assert gauge() == 1 and notified == [KEY]
    assert not poller.unreachable(KEY, "another pod")
    pod.answers = True
    now[0] += 3600
    await changes(poller, lambda: watched.progress is not None)
    assert gauge() == 0 and not poller.unreachable(KEY, "u")
    assert set(notified) == {KEY} and len(notified) >= 2
    poller.stop(KEY)
    assert gauge() is None
