"""How many requests a DPOJob of a sweep takes from its creation to Complete, and how many sweeps share."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from tests.kit.builders import FixedClock
from tests.kit.operator_fixture import REPORT, dpojob, succeeded
from tests.operator.controllers.dpojob.memory_cluster import MemoryCluster

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
COMMITS = {"model": "1" * 40, "dataset": "2" * 40}
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
    """With a job whose inspection has ended."""
    operated = Operated()
    cluster: Any = operated.cluster
    cluster.put(GPUPOOLS, POOL)
    cluster.put(CLAIMS, CLAIM)
    settings = load({f"DPOJOB_OPERATOR_{name}": value for name, value in ENVIRONMENT.items()})
    components = build_components(cluster, settings, FixedClock())
    cluster.sink = components.handlers
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(part()) for part in components.parts]  # type: ignore[arg-type]
        await operated.after()
        await _inspect(operated)
        yield operated
        for task in tasks:
            task.cancel()


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


async def test_a_job_that_starts_and_ends_takes_at_most_eight_requests() -> None:
    async with operated() as found:
        cluster = found.cluster
        cluster.put(DPOJOBS, of_a_sweep("x"))
        assert await found.taken() == {
            "list pods": 1,  # that an earlier job left in its output directory
            "update dpojobs/status": 1,  # the intent, with the verdict and the plan
            "create jobs": 1,
            "create events": 1,
        }
        job = training_job(cluster, "x")
        pod = cluster.run_pod(cluster.start_pod(job))
        assert await found.taken() == {}, "what its children do is collected"
        await found.after(BATCH_SECONDS)
        assert await found.taken() == {"update dpojobs/status": 1}
        cluster.run_pod(pod, succeeded())
        await found.after(BATCH_SECONDS)
        assert await found.taken() == {}, "the end of the Job follows"
        cluster.complete_job(job)
        await found.after(BATCH_SECONDS)
        assert await found.taken() == {
            "list pods": 1,  # the end is decided from a live read
            "update dpojobs/status": 1,
            "create events": 1,
        }
        assert phases(cluster) == {"first": "Complete", "x": "Complete"}


async def test_the_jobs_of_a_sweep_share_live_lists_of_pods() -> None:
    async with operated() as found:
        names = [f"x{number}" for number in range(10)]
        for name in names:
            found.cluster.put(DPOJOBS, of_a_sweep(name))
        taken = await found.taken()
        assert (taken["create jobs"], taken["update dpojobs/status"]) == (10, 10)
        assert taken["list pods"] < 10
