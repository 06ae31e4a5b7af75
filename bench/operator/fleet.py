"""Many finished and many running DPOJobs: memory, restart, progress, status writes, and requests when idle."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from pathlib import Path

from tests.kit.api.client import AsyncApi

from devcluster.cluster import Cluster

from .api_requests import STATUS_WRITES, AuditLog, Requests, most_within
from .candidates import DPOJobs
from .compare import NAMESPACE, Usage
from .control_plane import ACCOUNTS, add_nodes, fresh_control_plane
from .controllers import OPERATOR, Controller
from .load import PodWatch, burst
from .process_usage import cpu_seconds, resident_mib
from .training_pods import ProgressServer, TrainingPods, metrics, total

PODS_PER_NODE = 150
"""The plan has a pod request 3 GiB of memory, and a fake node has 512 GiB."""
MAX_UNFINISHED = 1000
"""DPOJobs that have not ended, while those are made that end; `scale` measures more at once."""
BATCH = 250
GPU_NODES = {"bench": "gpu"}
LIMIT_SECONDS = 3600.0
SMALL_PODS = '{"requests":{"cpu":"10m"},"limits":{}}'


@dataclass
class Fleet:
    """What a fleet costs."""

    finished: int
    running: int
    finish_seconds: float = 0.0
    """The seconds from the first create until all finished jobs were complete."""
    finish_requests: Requests = field(default_factory=Requests)
    """The requests of the operator for the jobs that finished, from create to Complete."""
    resident: float = 0.0
    """MiB with all of them, before the restart."""
    seconds: float = 0.0
    """Length of each of the two measurements below."""
    cpu_share: float = 0.0
    """The share of one processor that is used while the running jobs are polled."""
    progress_requests: int = 0
    longest_gap: float = 0.0
    """Seconds without a reading of one pod's progress, at most."""
    status_writes: float = 0.0
    """The writes of a status per running job in 30 s."""
    most_status_writes: int = 0
    """The writes of the status of one running job in any 30 s, at most."""
    restart_seconds: float = 0.0
    """The seconds from the start of the process to its first reconciliation of a DPOJob."""
    restart_resident: float = 0.0
    """MiB once every running job's progress was read again."""
    idle: Requests = field(default_factory=Requests)
    """The requests of the operator in `seconds`, after all jobs had ended."""
    idle_cpu_share: float = 0.0


def measure_fleet(finished: int, running: int, seconds: float) -> Fleet:
    """Runs the finished ones to their end, then the running ones, on a fresh control plane."""
    with (
        fresh_control_plane("fleet") as cluster,
        tempfile.TemporaryDirectory(prefix="bench-operator-") as scratch,
    ):
        candidate = running_jobs()
        # Pods that find no room would be tried again and again, which takes the API server's time.
        nodes = 1 + max(MAX_UNFINISHED, running) // PODS_PER_NODE
        add_nodes(cluster, nodes, GPU_NODES, PODS_PER_NODE)
        (controller,) = candidate.start(cluster, Path(scratch))
        try:
            candidate.prepare(cluster, NAMESPACE)
            fleet = Fleet(finished, running, seconds=seconds)
            asyncio.run(_measure(fleet, candidate, cluster, controller))
            return fleet
        finally:
            controller.stop()


def running_jobs(command: Sequence[str] = OPERATOR, **settings: str) -> DPOJobs:
    """DPOJobs whose pods find a node, and whose progress is read from their addresses."""
    return DPOJobs(GPU_NODES, command, PROGRESS_VIA="pod", TRAIN_RESOURCES=SMALL_PODS, **settings)


async def _measure(
    fleet: Fleet, candidate: DPOJobs, cluster: Cluster, controller: Controller
) -> None:
    audit = AuditLog(cluster.state.audit_log)
    usage = Usage(cluster, [controller])
    server = ProgressServer()
    async with AsyncApi(cluster.kubeconfig, timeout=120) as api, server.serving():
        pods = TrainingPods(api, NAMESPACE)
        watch = PodWatch(api, NAMESPACE, candidate.pod_label, candidate.pod_selector)
        create = partial(candidate.create, api, NAMESPACE)
        async with pods.watched(), watch.running():
            begun, position = time.monotonic(), audit.position()
            names = [f"finished-{index}" for index in range(fleet.finished)]
            for begin in range(0, len(names), BATCH):
                batch = names[begin : begin + BATCH]
                await until_complete(controller, 1 + begin + len(batch) - MAX_UNFINISHED)
                await burst(watch, create, batch)
            await until_complete(controller, 1 + fleet.finished)
            fleet.finish_seconds = time.monotonic() - begun
            await usage.until_quiet()
            fleet.finish_requests = audit.requests(_user(), position)

            pods.when_running(pods.keep_running)
            names = [f"running-{index}" for index in range(fleet.running)]
            await burst(watch, create, names)
            await pods.until_running(fleet.running, LIMIT_SECONDS)
            await _until_polled(controller, fleet.running)
            await _measure_running(fleet, controller, audit, server)
            await _restart(fleet, controller)

            for pod in list(pods.running):
                await pods.succeed(pod)
            await until_complete(controller, fleet.running)
            await Usage(cluster, [controller]).until_quiet()
            position, cpu = audit.position(), cpu_seconds(controller.pid)
            await asyncio.sleep(fleet.seconds)
            fleet.idle = audit.requests(_user(), position)
            fleet.idle_cpu_share = (cpu_seconds(controller.pid) - cpu) / fleet.seconds


def _user() -> str:
    return f"system:serviceaccount:{ACCOUNTS}:"


async def until_complete(controller: Controller, count: int) -> None:
    """Waits until the process has counted `count` ends of jobs."""
    async with asyncio.timeout(LIMIT_SECONDS):
        while total(await metrics(controller.probes), "dpojob_finished_total") < count:
            await asyncio.sleep(0.5)


async def _until_polled(controller: Controller, count: int) -> None:
    async with asyncio.timeout(LIMIT_SECONDS):
        while True:
            series = await metrics(controller.probes)
            if sum(key.startswith("dpojob_training_step{") for key in series) >= count:
                return
            await asyncio.sleep(0.5)


async def _measure_running(
    fleet: Fleet, controller: Controller, audit: AuditLog, server: ProgressServer
) -> None:
    await asyncio.sleep(min(30.0, fleet.seconds))  # what their start caused is over
    position, cpu = audit.position(), cpu_seconds(controller.pid)
    server.reset()
    await asyncio.sleep(fleet.seconds)
    fleet.cpu_share = (cpu_seconds(controller.pid) - cpu) / fleet.seconds
    fleet.progress_requests = server.requests
    fleet.longest_gap = max(server.longest_gap, min(server.silent_for(), fleet.seconds))
    writes = audit.moments(_user(), position, STATUS_WRITES)
    total_writes = sum(len(moments) for moments in writes.values())
    fleet.status_writes = total_writes / fleet.running / fleet.seconds * 30
    window = timedelta(seconds=30)
    fleet.most_status_writes = max(
        (most_within(moments, window) for moments in writes.values()), default=0
    )
    fleet.resident = resident_mib(controller.pid)


def has_reconciled(series: Mapping[str, float]) -> bool:
    """Whether a pass over a DPOJob has ended, and none has failed.

    The counter of passes holds those over pools too, and does not tell them apart. A pass that ends by a conflict
    would count as well, but after a restart nobody else writes the DPOJobs.
    """
    passes = series.get('dpojob_reconciles_total{result="ok"}', 0)
    return passes > 0 and series.get('dpojob_failing_passes{resource="dpojobs"}') == 0


async def _restart(fleet: Fleet, controller: Controller) -> None:
    controller.stop()
    begun = time.monotonic()
    controller.start()
    async with asyncio.timeout(LIMIT_SECONDS):
        while True:
            try:
                if has_reconciled(await metrics(controller.probes)):
                    break
            except OSError:  # it does not listen yet
                pass
            await asyncio.sleep(0.1)
    fleet.restart_seconds = time.monotonic() - begun
    await _until_polled(controller, fleet.running)
    fleet.restart_resident = resident_mib(controller.pid)
