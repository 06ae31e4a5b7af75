"""Load: objects created at once or one by one, and the moment at which each one's Pod object exists."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from statistics import quantiles

from tests.kit.api.client import AsyncApi
from tests.kit.api.paths import PODS

CONCURRENT_CREATES = 16
METADATA_ONLY = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
LIMIT_SECONDS = 1800.0
"""Longest wait for all Pods of a burst."""


@dataclass(frozen=True)
class Burst:
    """Objects created at once."""

    jobs: int
    seconds: float
    """The seconds from the first create to the last Pod object."""
    created_seconds: float
    """The seconds from the first create to the answer to the last one: what the load itself took."""
    latencies: tuple[float, ...]
    """Seconds from each object's create to its Pod object, sorted."""

    @property
    def rate(self) -> float:
        """Jobs per second."""
        return self.jobs / self.seconds

    def percentile(self, percent: int) -> float:
        """Seconds within which that share of the jobs had a Pod object."""
        if len(self.latencies) == 1:
            return self.latencies[0]
        return quantiles(self.latencies, n=100, method="inclusive")[percent - 1]


class PodWatch:
    """The moment at which the first Pod object of each job was seen."""

    def __init__(
        self, api: AsyncApi, namespace: str, label: str, selector: Mapping[str, str]
    ) -> None:
        """`selector`: labels of the pods, whose label `label` holds the name of their job."""
        self._api = api
        self._path = PODS.format(namespace)
        self._label, self._selector = label, selector
        self.seen: dict[str, float] = {}
        self._changed = asyncio.Event()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[PodWatch]:
        """Watches while the context is open."""
        self._task = asyncio.create_task(self._watch())
        self._task.add_done_callback(lambda _: self._changed.set())
        try:
            yield self
        finally:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def _watch(self) -> None:
        async for kind, pod in self._api.watch(self._path, self._selector, accept=METADATA_ONLY):
            job = (pod["metadata"].get("labels") or {}).get(self._label)
            if kind == "ADDED" and job is not None:
                self.seen.setdefault(job, time.monotonic())
                self._changed.set()

    async def wait_for(self, names: Sequence[str]) -> None:
        """Waits until every one of these jobs has a Pod object. Raises what ended the watch."""
        waiting = set(names)
        async with asyncio.timeout(LIMIT_SECONDS):
            while waiting := {name for name in waiting if name not in self.seen}:
                if self._task.done():
                    await self._task
                self._changed.clear()
                await self._changed.wait()


Create = Callable[[str], Awaitable[object]]
"""Creates the job of that name."""


async def burst(watch: PodWatch, create: Create, names: Sequence[str]) -> Burst:
    """Creates the jobs as fast as the API server takes them, and waits for the Pods of all."""
    begun: dict[str, float] = {}
    limit = asyncio.Semaphore(CONCURRENT_CREATES)

    async def create_one(name: str) -> None:
        async with limit:
            begun[name] = time.monotonic()
            await create(name)

    first = time.monotonic()
    async with asyncio.TaskGroup() as group:
        for name in names:
            group.create_task(create_one(name))
    created = time.monotonic()
    await watch.wait_for(names)
    last = max(watch.seen[name] for name in names)
    return Burst(
        jobs=len(names),
        seconds=last - first,
        created_seconds=created - first,
        latencies=tuple(sorted(watch.seen[name] - begun[name] for name in names)),
    )


async def one_by_one(
    watch: PodWatch, create: Create, names: Sequence[str], pause: float = 0.5
) -> list[float]:
    """Creates one job after another; the seconds from each create to its Pod object."""
    found = []
    for name in names:
        begun = time.monotonic()
        await create(name)
        await watch.wait_for([name])
        found.append(watch.seen[name] - begun)
        await asyncio.sleep(pause)
    return found
