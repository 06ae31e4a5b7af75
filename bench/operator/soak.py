"""A soak: jobs with random actions, while memory, tasks, sockets, files and metric series are sampled."""

from __future__ import annotations

import asyncio
import random
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from tests.kit.api.client import AsyncApi
from tests.kit.operator_fixture import failed

from devcluster.cluster import Cluster
from devcluster.control_plane import ApiError

from .candidates import DPOJobs
from .compare import NAMESPACE, Usage
from .control_plane import add_nodes, fresh_control_plane
from .controllers import Controller
from .counted_operator import TASKS
from .fleet import GPU_NODES, PODS_PER_NODE, running_jobs
from .process_usage import descriptors, resident_mib, threads
from .training_pods import ProgressServer, TrainingPods, metrics, total

SAMPLE_SECONDS = 10.0
LONGEST_PAUSE = 60.0
"""Seconds until the next action on a job, at most."""
ACTIONS = ("succeed", "fail", "evict", "suspend", "delete")
WEIGHTS = (5, 1, 2, 2, 2)
JOB_PREFIX = "soak-"
"""How the names of all jobs begin, and nothing else that a metric names."""
SETTLE_SECONDS = 150.0
"""The wait after the last job is deleted: longer than a resync and than any connection is kept."""


@dataclass(frozen=True)
class Sample:
    """The operator's process at one moment."""

    seconds: float
    jobs: int
    resident: float
    tasks: int
    threads: int
    sockets: int
    files: int
    series: int


@dataclass
class Soak:
    """The samples of a soak."""

    jobs: int
    samples: list[Sample] = field(default_factory=list)
    actions: dict[str, int] = field(default_factory=dict)
    """How often each action happened."""
    finished: float = 0.0
    """Ends of jobs that the operator counted."""
    before: Sample | None = None
    """The figures before the first job."""
    after: Sample | None = None
    """The figures some time after all jobs were deleted."""
    named: int | None = None
    """The metric series left at that time that name one of the deleted jobs."""

    def growth(self) -> float:
        """MiB per 1,000 jobs between the second and the third third of the time, by their medians."""
        third = len(self.samples) // 3
        second, last = self.samples[third : 2 * third], self.samples[2 * third :]
        if not second:
            return 0.0
        difference = median(s.resident for s in last) - median(s.resident for s in second)
        return difference / (self.jobs / 3) * 1000


def measure_soak(jobs: int, seconds: float, seed: int, settle: float = SETTLE_SECONDS) -> Soak:
    """Creates the jobs evenly over the time; each then is acted on at random until it ends or is deleted."""
    with (
        fresh_control_plane("soak") as cluster,
        tempfile.TemporaryDirectory(prefix="bench-operator-") as scratch,
    ):
        counted = (sys.executable, "-m", "bench.operator.counted_operator")
        candidate = running_jobs(counted, RESYNC_SECONDS="60")
        add_nodes(cluster, 3, GPU_NODES, PODS_PER_NODE)
        (controller,) = candidate.start(cluster, Path(scratch))
        try:
            candidate.prepare(cluster, NAMESPACE)
            soak = Soak(jobs)
            run = _Run(soak, candidate, random.Random(seed))
            asyncio.run(run.measure(cluster, controller, seconds, settle))
            return soak
        finally:
            controller.stop()


class _Run:
    def __init__(self, soak: Soak, candidate: DPOJobs, choose: random.Random) -> None:
        self._soak, self._candidate, self._choose = soak, candidate, choose
        self._collection = candidate.collection(NAMESPACE)
        self._begun = time.monotonic()
        self._alive: set[str] = set()

    async def measure(
        self, cluster: Cluster, controller: Controller, seconds: float, settle: float
    ) -> None:
        server = ProgressServer()
        async with AsyncApi(cluster.kubeconfig, timeout=120) as self._api, server.serving():
            self._pods = TrainingPods(self._api, NAMESPACE)
            self._pods.when_running(self._pods.keep_running)
            async with self._pods.watched():
                self._soak.before = await self._sample(controller)
                sampling = asyncio.create_task(self._sample_for_ever(controller))
                limit = min(LONGEST_PAUSE, seconds / 4)
                async with asyncio.TaskGroup() as group:
                    for index in range(self._soak.jobs):
                        name = f"{JOB_PREFIX}{index}"
                        await self._candidate.create(self._api, NAMESPACE, name)
                        self._alive.add(name)
                        group.create_task(self._act(name, limit))
                        await asyncio.sleep(seconds / self._soak.jobs)
                self._soak.finished = total(
                    await metrics(controller.probes), "dpojob_finished_total"
                )
                sampling.cancel()
                with suppress(asyncio.CancelledError):
                    await sampling
                await self._api.call("DELETE", self._collection)
                await Usage(cluster, [controller]).until_quiet()
                await asyncio.sleep(settle)
                self._soak.after = await self._sample(controller)
                series = await metrics(controller.probes)
                self._soak.named = sum(JOB_PREFIX in key for key in series)

    async def _act(self, name: str, limit: float) -> None:
        while name in self._alive:
            await asyncio.sleep(self._choose.uniform(0.1, 1.0) * limit)
            (action,) = self._choose.choices(ACTIONS, WEIGHTS)
            self._soak.actions[action] = self._soak.actions.get(action, 0) + 1
            with suppress(ApiError):  # its pod has just gone
                await self._apply(name, action)

    async def _apply(self, name: str, action: str) -> None:
        path = f"{self._collection}/{name}"
        pod = next((pod for pod, job in self._pods.running.items() if job == name), None)
        if action == "delete":
            self._alive.discard(name)
            await self._api.call("DELETE", path)
        elif action == "suspend":
            await self._api.merge(path, {"spec": {"suspend": True}})
            await asyncio.sleep(self._choose.uniform(0.1, 3.0))
            await self._api.merge(path, {"spec": {"suspend": False}})
        elif pod is not None and action == "evict":
            await self._pods.delete(pod)
        elif pod is not None and action == "succeed":
            self._alive.discard(name)
            await self._pods.succeed(pod)
        elif pod is not None:
            self._alive.discard(name)
            await self._pods.end(pod, 11, failed("OutOfMemory", "CUDA out of memory."))

    async def _sample(self, controller: Controller) -> Sample:
        series = await metrics(controller.probes)
        sockets, files = descriptors(controller.pid)
        return Sample(
            seconds=time.monotonic() - self._begun,
            jobs=len(self._alive),
            resident=resident_mib(controller.pid),
            tasks=int(total(series, TASKS)),
            threads=threads(controller.pid),
            sockets=sockets,
            files=files,
            series=len(series),
        )

    async def _sample_for_ever(self, controller: Controller) -> None:
        while True:
            self._soak.samples.append(await self._sample(controller))
            await asyncio.sleep(SAMPLE_SECONDS)
