"""One fault run: its namespace, pool, proxy and operator, and the user's actions."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import aiohttp
from tests.faults.injection.fault_types import Fault
from tests.faults.injection.proxy import Proxy
from tests.faults.injection.request_log import Log
from tests.faults.invariants.history import ClusterWatcher, History
from tests.kit.api import paths
from tests.kit.api.client import AsyncApi
from tests.kit.cluster.clock_override import VARIABLE, Clock
from tests.kit.cluster.fake_kubelet import FakeKubelet, PodScript
from tests.kit.cluster.patch import Patch
from tests.kit.fork_server.client import ForkServer
from tests.kit.ports import free_port

from devcluster.control_plane import ApiError
from dpojob_api.base import JSONObject

from . import job_controller
from .operator_env import SETTINGS, kubeconfig, pool
from .operators import Operator
from .stall_limit import ConvergenceTimeout, StallLimit

CONVERGE_SECONDS = 150.0
"""A run in which nothing changes for so long never converges: the longest back-off is 60 s."""
QUIET_SECONDS = 6.0
"""Longer than the resync interval (operator_env.py)."""
QUIET_RESYNCS = 2
"""The second list of all DPOJobs in one process follows the pass over each job of the first."""
UNSCHEDULED_SECONDS = 60.0
"""The limit while a pod waits for its node, when quiet means little: the scheduler backs off, too."""


@dataclass(frozen=True)
class SharedEnvironment:
    """What all runs share."""

    api: AsyncApi
    watcher: ClusterWatcher
    fork_server: ForkServer
    directory: Path
    """The directory of kubeconfigs and of the operators' logs."""
    time_limit: float = CONVERGE_SECONDS
    """Seconds for which nothing may change in a run that waits for something."""
    resyncs: bool = True
    """Whether the operator lists all DPOJobs at intervals; the negative control does not."""


class RunEnvironment:
    """Use as an async context manager."""

    def __init__(
        self,
        shared_env: SharedEnvironment,
        name: str,
        script: PodScript,
        fault: Fault | None = None,
        *,
        replicas: int = 1,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        self.time_limit = shared_env.time_limit
        """Seconds for which nothing may change while the run waits for something."""
        self._shared, self.name, self.fault = shared_env, name, fault
        self._replicas, self._settings = replicas, settings or {}
        self.api = shared_env.api
        self.history, self.log = History(), Log()
        self.clock = Clock(shared_env.directory / f"{name}.clock")
        self.kubelet = FakeKubelet(shared_env.api, name, script, self.clock)
        self.proxies: list[Proxy] = []
        self.operators: list[Operator] = []
        self.ports: list[int] = []

    # -- beginning and end ------------------------------------------------------------------

    async def __aenter__(self) -> RunEnvironment:
        self._shared.watcher.subscribe(self.name, self._see)
        call = self.api.call
        await call("POST", "/api/v1/namespaces", {"metadata": {"name": self.name}})
        await self.create_pool()
        await self._account()
        for number in range(self._replicas):
            await self._add_replica(number)
        return self

    async def __aexit__(self, *exc: object) -> None:
        self._shared.watcher.unsubscribe(self.name)
        self.kubelet.stop()
        for operator in self.operators:
            await operator.stop()
        for proxy in self.proxies:
            await proxy.stop()
        await self.delete_pool()

    def _see(self, collection: str, kind: str, item: JSONObject) -> None:
        self.history.observe(collection, kind, item)
        if collection == "pods" and kind != "DELETED":
            self.kubelet.observe(item)

    async def _account(self) -> None:
        """Without the namespace's service account the Job controller cannot make pods."""
        path = f"/api/v1/namespaces/{self.name}/serviceaccounts/default"
        limit = StallLimit(self.history, self.time_limit)
        while await self.api.get(path) is None:
            limit.check("the namespace has a service account")
            await asyncio.sleep(0.3)

    async def _add_replica(self, number: int) -> None:
        operator = Operator(
            self._shared.fork_server, self._shared.directory / f"{self.name}-{number}.log"
        )
        proxy = Proxy(
            self.api,
            self.name,
            self.log,
            self.fault if number == 0 else None,
            kill=operator.kill,
            progress=self.kubelet.progress,
            replica=number,
        )
        config = self._shared.directory / f"{self.name}-{number}.kubeconfig"
        server = await proxy.start()
        port = free_port()
        settings = {**SETTINGS, "HTTP_PORT": str(port), **self._settings}
        environment = {f"DPOJOB_OPERATOR_{name}": value for name, value in settings.items()}
        where = {"KUBECONFIG": str(config), VARIABLE: str(self.clock.path)}
        await operator.start(
            environment | where, lambda number: config.write_text(kubeconfig(server, number))
        )
        self.proxies.append(proxy)
        self.operators.append(operator)
        self.ports.append(port)

    @property
    def failures(self) -> list[str]:
        """What went wrong in the harness itself."""
        return [*self.kubelet.failures, *(f for proxy in self.proxies for f in proxy.failures)]

    @property
    def operator(self) -> Operator:
        """The only replica."""
        return self.operators[0]

    # -- the user ---------------------------------------------------------------------------

    def _job(self, name: str) -> str:
        return f"{paths.DPOJOBS.format(self.name)}/{name}"

    async def create(
        self, name: str, spec: JSONObject, labels: Mapping[str, str] | None = None
    ) -> JSONObject:
        """`kubectl create` of a DPOJob."""
        body = {
            "apiVersion": "dpojob.dev/v1alpha1",
            "kind": "DPOJob",
            "metadata": {"name": name, "labels": dict(labels or {})},
            "spec": spec,
        }
        return await self.api.call("POST", paths.DPOJOBS.format(self.name), body)

    async def edit(self, name: str, **fields: object) -> JSONObject:
        """`kubectl patch` of its spec."""
        return await self.api.merge(self._job(name), {"spec": fields})

    async def delete(self, name: str) -> None:
        """`kubectl delete`, in the background, as kubectl does it."""
        with contextlib.suppress(ApiError):
            await self.api.call("DELETE", self._job(name), {"propagationPolicy": "Background"})

    async def patch_job(self, job: JSONObject, patches: Iterable[Patch]) -> None:
        """Sends merge patches of a batch/v1 Job."""
        for patch in patches:
            collection = paths.JOBS.format(self.name)
            path = "/".join(filter(None, (collection, job["metadata"]["name"], patch.subresource)))
            await self.api.merge(path, patch.body)

    async def create_claim(self, name: str) -> None:
        """A claim of the user's own."""
        spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
        path = f"/api/v1/namespaces/{self.name}/persistentvolumeclaims"
        await self.api.call("POST", path, {"metadata": {"name": name}, "spec": spec})

    async def create_pool(self) -> None:
        """Creates the pool of the run, on which its jobs are planned."""
        await self.api.call("POST", paths.GPUPOOLS, pool(self.name))

    async def edit_pool(self, **fields: object) -> None:
        """`kubectl patch` of its spec."""
        await self.api.merge(f"{paths.GPUPOOLS}/{self.name}", {"spec": fields})

    async def delete_pool(self) -> None:
        """`kubectl delete`, if it is there."""
        with contextlib.suppress(ApiError):
            await self.api.call("DELETE", f"{paths.GPUPOOLS}/{self.name}")

    async def get(self, name: str) -> JSONObject | None:
        """The DPOJob as it is now."""
        return await self.api.get(self._job(name))

    # -- waiting ----------------------------------------------------------------------------

    async def until(
        self, what: str, holds: Callable[[], object], seconds: float | None = None
    ) -> None:
        """Waits until it holds. Raises ConvergenceTimeout when nothing changes for `seconds`."""
        limit = StallLimit(self.history, self.time_limit if seconds is None else seconds)
        while not holds():
            limit.check(what)
            if any(operator.gave_up for operator in self.operators):
                raise ConvergenceTimeout(f"{what}: the operator's process ends again and again")
            self.history.changed.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.history.changed.wait(), 0.2)

    def job(self, name: str) -> JSONObject | None:
        """The DPOJob as last seen."""
        found = [j for j in self.history.newest("dpojobs") if j["metadata"]["name"] == name]
        return found[-1] if found else None

    def condition(self, name: str, type_: str) -> JSONObject:
        """A condition of the DPOJob as last seen; empty when it is not set."""
        job = self.job(name) or {}
        listed = (job.get("status") or {}).get("conditions") or []
        return next((c for c in listed if c["type"] == type_), {})

    def condition_is_true(self, name: str, type_: str) -> bool:
        """Whether that condition is True."""
        return self.condition(name, type_).get("status") == "True"

    async def wait_until_finished(self, *names: str) -> None:
        """Waits until each has ended, Complete or Failed."""
        for name in names:
            await self.until(
                f"DPOJob {name} has ended", partial(self.condition_is_true, name, "Finished")
            )

    def trains(self, name: str, incarnation: int = 1, attempt: int = 1) -> bool:
        """Whether a training pod of it runs now."""
        return any(
            (r.job, r.incarnation, r.stage, r.attempt) == (name, incarnation, "train", attempt)
            for r in self.kubelet.running.values()
        )

    async def wait_until_quiet(self) -> None:
        """Waits until the operator has looked at every job without a write, and no object changes.

        Raises ConvergenceTimeout.
        """
        began = time.monotonic()
        limit = StallLimit(self.history, self.time_limit)
        while True:
            newest = max(began, self.log.last_write(), self.history.last_change)
            pods = self.history.newest("pods")
            waits = any(pod["status"]["phase"] == "Pending" for pod in pods)
            quiet = UNSCHEDULED_SECONDS if waits else QUIET_SECONDS
            # A garbage collector that has just learnt of a new kind takes half a minute.
            kinds = map(self.history.newest, ("dpojobs", "jobs", "pods"))
            leaving = any(
                "deletionTimestamp" in item["metadata"] for kind in kinds for item in kind
            )
            busy = self.kubelet.busy or job_controller.is_pending(self.history.newest("jobs"), pods)
            rests = time.monotonic() - newest > quiet and not busy and not leaving
            seen = self.log.resyncs(newest) >= QUIET_RESYNCS or not self._shared.resyncs
            if rests and seen:
                return
            limit.check("the operator looks at every job and writes nothing")
            await asyncio.sleep(0.2)

    async def scrape(self, path: str) -> tuple[int, str]:
        """Status and text of the operator's own HTTP server, once it answers 200.

        After the time limit: whatever it answers; status 0 when it does not answer at all.
        """
        deadline = time.monotonic() + self.time_limit
        while True:
            code, text = await self._request(path)
            if code == 200 or time.monotonic() > deadline:
                return code, text
            await asyncio.sleep(0.5)

    async def _request(self, path: str) -> tuple[int, str]:
        url = f"http://127.0.0.1:{self.ports[0]}{path}"
        try:
            async with (
                aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=20)) as session,
                session.get(url) as answer,
            ):
                return answer.status, await answer.text()
        except (aiohttp.ClientError, OSError, TimeoutError):
            return 0, ""
