"""The candidates in turns, each on a fresh control plane, with the same load."""

from __future__ import annotations

import asyncio
import tempfile
import time
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from statistics import median

from tests.kit.api.client import AsyncApi

from devcluster.cluster import Cluster

from .api_requests import AuditLog, Requests
from .candidates import Candidate
from .control_plane import ACCOUNTS, fresh_control_plane, pids
from .controllers import Controller
from .load import Burst, PodWatch, burst, one_by_one
from .process_usage import cpu_seconds, resident_mib, wanted_seconds, wire_bytes

NAMESPACE = "sweep"
QUIET_SECONDS = 2.0
QUIET_SHARE = 0.25
"""The share of one processor that all processes of the control plane and the controllers may use."""
QUIET_WANTED_SHARE = 0.75
"""The share that they may want: with work left, one thread of theirs at least runs or waits for a processor, also
where other programs keep it waiting."""
QUIET_LIMIT = 180.0


@dataclass
class Trial:
    """One candidate's measurements on one control plane."""

    candidate: str
    warm: list[float] = field(default_factory=list)
    """Seconds from create to Pod object, one job at a time."""
    bursts: list[Burst] = field(default_factory=list)
    requests: dict[int, Requests] = field(default_factory=dict)
    """The requests of the controllers until everything is quiet, by the number of jobs at once."""
    cpu: dict[int, dict[str, float]] = field(default_factory=dict)
    """Seconds of processor time by process, by the number of jobs at once, until everything is quiet."""
    wire_bytes: dict[int, int] = field(default_factory=dict)
    """The bytes on all connections of the controllers, watches included, by the number of jobs at once."""
    resident: dict[str, float] = field(default_factory=dict)
    """MiB of each controller, after the last burst."""

    @property
    def latency(self) -> float:
        """The median of one job at a time, seconds."""
        return median(self.warm)


def measure(candidate: Candidate, warm: int, sizes: list[int], accounts: str = ACCOUNTS) -> Trial:
    """One trial: single jobs, then each number of jobs at once; controllers run with accounts of that namespace."""
    with (
        fresh_control_plane("trial") as cluster,
        tempfile.TemporaryDirectory(prefix="bench-operator-") as scratch,
    ):
        controllers = candidate.start(cluster, Path(scratch), accounts)
        try:
            candidate.prepare(cluster, NAMESPACE)
            return asyncio.run(_trial(candidate, cluster, controllers, warm, sizes, accounts))
        except BaseException:
            for controller in controllers:
                print(controller.last_lines())
            raise
        finally:
            for controller in controllers:
                controller.stop()


async def _trial(
    candidate: Candidate,
    cluster: Cluster,
    controllers: list[Controller],
    warm: int,
    sizes: list[int],
    accounts: str,
) -> Trial:
    trial = Trial(candidate.name)
    usage = Usage(cluster, controllers)
    audit = AuditLog(cluster.state.audit_log)
    async with AsyncApi(cluster.kubeconfig, timeout=120) as api:
        create = partial(candidate.create, api, NAMESPACE)
        watch = PodWatch(api, NAMESPACE, candidate.pod_label, candidate.pod_selector)
        async with watch.running():
            # The first ones warm connections and code; they are not counted.
            cold = [f"cold-{index}" for index in range(3)]
            await one_by_one(watch, create, cold)
            await usage.until_quiet()
            names = [f"warm-{index}" for index in range(warm)]
            trial.warm = await one_by_one(watch, create, names)
            for size in sizes:
                await usage.until_quiet()
                position, before, sent = audit.position(), usage.cpu(), usage.wire_bytes()
                names = [f"at-once-{size}-{index}" for index in range(size)]
                trial.bursts.append(await burst(watch, create, names))
                await usage.until_quiet()
                after = usage.cpu()
                trial.wire_bytes[size] = usage.wire_bytes() - sent
                trial.cpu[size] = {name: after[name] - before[name] for name in after}
                trial.requests[size] = audit.requests(
                    f"system:serviceaccount:{accounts}:", position
                )
    trial.resident = {process.name: resident_mib(process.pid) for process in controllers}
    return trial


class Usage:
    """Processor time of the control plane and of the controllers."""

    def __init__(self, cluster: Cluster, controllers: list[Controller]) -> None:
        self._pids = {**pids(cluster), **{process.name: process.pid for process in controllers}}
        self._controllers = controllers

    def cpu(self) -> dict[str, float]:
        """Seconds by process."""
        return {name: cpu_seconds(pid) for name, pid in self._pids.items()}

    def wire_bytes(self) -> int:
        """Bytes on the controllers' connections."""
        return sum(wire_bytes(process.pid) for process in self._controllers)

    def wanted(self) -> float:
        """Seconds for which all of them ran or were ready to."""
        return sum(wanted_seconds(pid) for pid in self._pids.values())

    async def until_quiet(self) -> None:
        """Waits until all of them together use, and want, next to nothing: what a job caused is over."""
        begun = time.monotonic()
        used, wanted, looked = sum(self.cpu().values()), self.wanted(), begun
        while looked < begun + QUIET_LIMIT:
            await asyncio.sleep(QUIET_SECONDS)
            now = time.monotonic()
            used_now, wanted_now, seconds = sum(self.cpu().values()), self.wanted(), now - looked
            if (
                used_now - used < QUIET_SHARE * seconds
                and wanted_now - wanted < QUIET_WANTED_SHARE * seconds
            ):
                return
            used, wanted, looked = used_now, wanted_now, now
