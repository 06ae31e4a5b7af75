"""An operator in this process on an API server in memory, with jobs of a sweep."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from tests.kit.builders import FixedClock
from tests.kit.operator.memory_cluster import MemoryCluster
from tests.kit.operator_fixture import COMMITS, REPORT, dpojob

from dpojob_api.base import JSONObject
from dpojob_api.constants import LABEL_JOB_NAME, LABEL_STAGE, STAGE_TRAIN
from dpojob_operator.controllers import build_components
from dpojob_operator.kube.resources import CLAIMS, DPOJOBS, GPUPOOLS, JOBS
from dpojob_operator.process.settings import load

ENVIRONMENT = {
    "INSPECT_IMAGE": "inspect",
    "TRAIN_IMAGE": "train",
    "HUB_ENDPOINT": "none",
    "PROGRESS_VIA": "proxy",
}
POOL = {
    "metadata": {"name": "t4"},
    "spec": {
        "gpu": {"model": "T4", "memoryGiB": 16, "bf16": False},
        "modelSize": {"min": "0", "max": "7B"},
        "hourlyPrice": "1",
    },
}
OF_POOLS = ("list gpupools", "list nodes", "update gpupools/status")
"""Requests of the controller of pools, whose number follows time and not jobs."""
BATCH_SECONDS = 0.5
"""The default of the setting."""
CLAIM = {"metadata": {"name": "models", "namespace": "ns"}, "status": {"phase": "Bound"}}


class Operated:
    """A cluster with a pool, a claim and a running operator, whose timers run when a test says so."""

    def __init__(self) -> None:
        self.cluster = MemoryCluster()
        self.recording: asyncio.Task[None] | None = None
        """The task that creates Events."""
        self._loop = asyncio.get_running_loop()
        self._seconds = self._loop.time()
        self._loop.time = lambda: self._seconds  # type: ignore[method-assign]

    async def after(self, seconds: float = 0.0) -> None:
        """Lets the time pass, and waits until nothing is left to do at that time."""
        await self.cluster.until_idle()
        self._seconds += seconds
        await self.cluster.until_idle()

    async def taken(self) -> Counter[str]:
        """The requests since the last call."""
        await self.after()
        found = Counter(
            {what: n for what, n in self.cluster.requests.items() if what not in OF_POOLS}
        )
        self.cluster.requests.clear()
        return found


@asynccontextmanager
async def operated() -> AsyncIterator[Operated]:
    """A running operator, and a job whose inspection has ended."""
    operated = Operated()
    cluster: Any = operated.cluster
    cluster.put(GPUPOOLS, POOL)
    cluster.put(CLAIMS, CLAIM)
    settings = load({f"DPOJOB_OPERATOR_{name}": value for name, value in ENVIRONMENT.items()})
    components = build_components(cluster, settings, FixedClock())
    cluster.sink = components.handlers
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(part()) for part in components.parts]  # type: ignore[arg-type]
        operated.recording = group.create_task(components.record_events())  # type: ignore[arg-type]
        await operated.after()
        await _inspect(operated)
        yield operated
        for task in tasks:
            task.cancel()
        if (
            not operated.recording.cancelling()
        ):  # a test may have cancelled it; a second time would end it at once
            operated.recording.cancel()


def of_a_sweep(name: str, **spec: Any) -> JSONObject:
    """A DPOJob whose inspection others share."""
    made = dpojob(name, output={"volume": {"claimName": "models", "path": name}}, **spec)
    made["spec"]["model"] = {"repo": "tiny/chat", "revision": COMMITS["model"]}
    made["spec"]["dataset"] = {"repo": "tiny/pairs", "revision": COMMITS["dataset"]}
    made["metadata"]["namespace"] = "ns"
    return made


def training_job(cluster: MemoryCluster, name: str) -> JSONObject:
    """The training Job of a DPOJob."""
    labels = {LABEL_JOB_NAME: name, LABEL_STAGE: STAGE_TRAIN}
    (found,) = (
        job for job in cluster.objects(JOBS) if labels.items() <= job["metadata"]["labels"].items()
    )
    return found


def phases(cluster: MemoryCluster) -> dict[str, str]:
    """The phase of each DPOJob."""
    return {job["metadata"]["name"]: job["status"]["phase"] for job in cluster.objects(DPOJOBS)}


async def _inspect(operated: Operated) -> None:
    cluster = operated.cluster
    cluster.put(DPOJOBS, of_a_sweep("first", validateOnly=True))
    await operated.after()
    (job,) = cluster.objects(JOBS)
    model = {**REPORT["model"], "revision": COMMITS["model"]}
    report = {**REPORT, "revision": COMMITS["dataset"], "model": model}
    cluster.run_pod(cluster.start_pod(job), report)
    cluster.complete_job(job)
    await operated.after(BATCH_SECONDS)
    await operated.taken()
