"""Pods that are slow, silent or either by turns: when they are read, and that they delay no other namespace's.

Readings and the poller's clock are the test's; the event loop keeps the machine's clock.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from tests.kit.operator.running_poller import polling
from tests.kit.waiting import LIMIT

from dpojob_api.progress import Progress
from dpojob_operator.controllers.dpojob import ProgressPoller, progress_poller
from dpojob_operator.decide.object_snapshots import PodSnapshot

PROGRESS = Progress(step=1, max_steps=2)
SLOW = 2.8
"""Seconds, just below the time-out of a reading."""


class Pods:
    """A stand-in for reading pods, on a clock of its own."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        self.readings: Counter[str] = Counter()
        """Readings that ended, by namespace."""
        self.unanswered = 0
        """Readings that were begun and go on until the end of the test."""
        self.behaviors: dict[str, list[str]] = {}
        """What the pods of a namespace do at their first readings, by namespace: "slow" or "fail"; then they hang, or
        answer at once where the namespace is not listed."""
        self._nth: Counter[tuple[str, str]] = Counter()
        monkeypatch.setattr(ProgressPoller, "_read", self._read)
        monkeypatch.setattr(progress_poller, "MAX_READINGS_PER_SECOND", 1e6)
        clock = SimpleNamespace(monotonic=lambda: self.now)
        monkeypatch.setattr(progress_poller, "time", clock)

    async def _read(self, key: tuple[str, str], *_: Any) -> Progress | None:
        behaviors = self.behaviors.get(key[0])
        nth = self._nth[key]
        self._nth[key] += 1
        if behaviors is not None and nth >= len(behaviors):
            self.unanswered += 1
            await asyncio.get_running_loop().create_future()
        behavior = "quick" if behaviors is None else behaviors[nth]
        if behavior == "slow":
            self.now += SLOW
        self.readings[key[0]] += 1
        return None if behavior == "fail" else PROGRESS


def watch(poller: ProgressPoller, namespace: str, count: int) -> None:
    for number in range(count):
        poller.watch((namespace, str(number)), PodSnapshot("pod", f"{namespace}-{number}"))


async def until(pods: Pods, condition: Callable[[], bool]) -> None:
    """Waits, while an hour goes by at each look, so that every back-off ends."""
    async with asyncio.timeout(LIMIT):
        while not condition():
            pods.now += 3600
            await asyncio.sleep(0.001)


async def test_pods_of_one_namespace_leave_readings_to_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pods = Pods(monkeypatch)
    pods.behaviors["hostile"] = []
    async with polling(lambda _: None, every=0.001) as poller:
        watch(poller, "hostile", 150)
        await until(pods, lambda: pods.unanswered == 24)
        watch(poller, "ordinary", 10)
        await until(pods, lambda: pods.readings["ordinary"] >= 100)
        assert pods.unanswered == 24, "three quarters of the readings at once"


@pytest.mark.parametrize("behavior", [["slow"], ["fail", "quick"], ["fail", *["quick"] * 4]])
async def test_pods_that_were_slow_or_silent_are_read_apart_from_the_others(
    behavior: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The pods are of several namespaces, which could use all readings at once."""
    pods = Pods(monkeypatch)
    pods.behaviors.update(dict.fromkeys(["hostile-1", "hostile-2"], behavior))
    async with polling(lambda _: None, every=0.001) as poller:
        watch(poller, "hostile-1", 150)
        watch(poller, "hostile-2", 150)
        await until(pods, lambda: pods.unanswered == progress_poller.MAX_CONCURRENT_SLOW)
        watch(poller, "ordinary", 10)
        await until(pods, lambda: pods.readings["ordinary"] >= 100)
        assert pods.unanswered == progress_poller.MAX_CONCURRENT_SLOW


async def test_a_pod_that_does_not_answer_is_polled_less_often(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pods = Pods(monkeypatch)
    pods.behaviors["silent"] = ["fail"] * 4
    waits = []
    async with polling(lambda _: None, every=0.001) as poller:
        watch(poller, "silent", 1)
        watched = poller._watched["silent", "0"]
        async with asyncio.timeout(LIMIT):
            while len(waits) < 4:
                if watched.failures > len(waits):
                    waits.append(watched.due - pods.now)
                    pods.now = watched.due
                await asyncio.sleep(0)
    assert waits == pytest.approx([0.002, 0.004, 0.008, 0.016])
