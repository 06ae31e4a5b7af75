"""One run's world: a namespace, a pool, a proxy, an operator, and the user's hands."""

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
from tests.faults.invariants.history import History, Observatory
from tests.kit import api_client as paths
from tests.kit.api_client import Api, Object, Refused
from tests.kit.clock_override import VARIABLE, Clock
from tests.kit.fake_kubelet import Player, Script
from tests.kit.fork_server.client import ForkServer
from tests.kit.patch import Patch

from .operator_env import SETTINGS, free_port, kubeconfig, pool
from .operators import Operator

CONVERGE_SECONDS = 150.0
"""A run that has not come to rest by then never will: the longest back-off is 60 s."""
QUIET_SECONDS = 6.0
"""Longer than the resync interval (surroundings.py): a pass over every job lies in it."""
UNSCHEDULED_SECONDS = 60.0
"""As long as a pod waits for its node, quiet means little: the scheduler backs off, too."""


class Stuck(Exception):
    """What was waited for did not come."""


@dataclass(frozen=True)
class Stage:
    """What all runs share."""

    api: Api
    observatory: Observatory
    fork_server: ForkServer
    directory: Path
    """For kubeconfigs and the operators' logs."""


class World:
    """Use as an async context manager."""

    def __init__(
        self,
        stage: Stage,
        name: str,
        script: Script,
        fault: Fault | None = None,
        *,
        replicas: int = 1,
        settings: Mapping[str, str] | None = None,
        patience: float = CONVERGE_SECONDS,
    ) -> None:
        self.patience = patience
        """Seconds for whatever is waited for."""
        self._stage, self.name, self.fault = stage, name, fault
        self._replicas, self._settings = replicas, settings or {}
        self.api = stage.api
        self.history, self.log = History(), Log()
        self.clock = Clock(stage.directory / f"{name}.clock")
        self.player = Player(stage.api, name, script, self.clock)
        self.proxies: list[Proxy] = []
        self.operators: list[Operator] = []
        self.ports: list[int] = []

    # -- beginning and end ------------------------------------------------------------------

    async def __aenter__(self) -> World:
        self._stage.observatory.subscribe(self.name, self._see)
        call = self.api.call
        await call("POST", "/api/v1/namespaces", {"metadata": {"name": self.name}})
        await self.create_pool()
        await self._account()
        for number in range(self._replicas):
            await self._add_replica(number)
        return self

    async def __aexit__(self, *exc: object) -> None:
        self._stage.observatory.unsubscribe(self.name)
        self.player.stop()
        for operator in self.operators:
            await operator.stop()
        for proxy in self.proxies:
            await proxy.stop()
        await self.delete_pool()

    def _see(self, collection: str, kind: str, item: Object) -> None:
        self.history.see(collection, kind, item)
        if collection == "pods" and kind != "DELETED":
            self.player.see(item)

    async def _account(self) -> None:
        """Without the namespace's service account the Job controller cannot make pods."""
        path = f"/api/v1/namespaces/{self.name}/serviceaccounts/default"
        deadline = time.monotonic() + 60
        while await self.api.get(path) is None:
            if time.monotonic() > deadline:
                raise Stuck("the namespace got no service account")
            await asyncio.sleep(0.3)

    async def _add_replica(self, number: int) -> None:
        operator = Operator(
            self._stage.fork_server, self._stage.directory / f"{self.name}-{number}.log"
        )
        proxy = Proxy(
            self.api,
            self.name,
            self.log,
            self.fault if number == 0 else None,
            kill=operator.kill,
            life=lambda: operator.life,
            progress=self.player.progress,
            replica=number,
        )
        config = self._stage.directory / f"{self.name}-{number}.kubeconfig"
        config.write_text(kubeconfig(await proxy.start()))
        port = free_port()
        settings = {**SETTINGS, "HTTP_PORT": str(port), **self._settings}
        environment = {f"DPOJOB_OPERATOR_{name}": value for name, value in settings.items()}
        where = {"KUBECONFIG": str(config), VARIABLE: str(self.clock.path)}
        await operator.start(environment | where)
        self.proxies.append(proxy)
        self.operators.append(operator)
        self.ports.append(port)

    @property
    def failures(self) -> list[str]:
        """What went wrong in the harness itself."""
        return [*self.player.failures, *(f for proxy in self.proxies for f in proxy.failures)]

    @property
    def operator(self) -> Operator:
        """The only replica."""
        return self.operators[0]

    # -- the user ---------------------------------------------------------------------------

    def _job(self, name: str) -> str:
        return f"{paths.DPOJOBS.format(self.name)}/{name}"

    async def create(
        self, name: str, spec: Object, labels: Mapping[str, str] | None = None
    ) -> Object:
        """`kubectl create` of a DPOJob."""
        body = {
            "apiVersion": "dpojob.dev/v1alpha1",
            "kind": "DPOJob",
            "metadata": {"name": name, "labels": dict(labels or {})},
            "spec": spec,
        }
        return await self.api.call("POST", paths.DPOJOBS.format(self.name), body)

    async def edit(self, name: str, **fields: object) -> Object:
        """`kubectl patch` of its spec."""
        return await self.api.merge(self._job(name), {"spec": fields})

    async def delete(self, name: str) -> None:
        """`kubectl delete`, in the background, as kubectl does it."""
        with contextlib.suppress(Refused):
            await self.api.call("DELETE", self._job(name), {"propagationPolicy": "Background"})

    async def patch_job(self, job: Object, patches: Iterable[Patch]) -> None:
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
        """Of the run's name: what its jobs are planned on."""
        await self.api.call("POST", paths.GPUPOOLS, pool(self.name))

    async def edit_pool(self, **fields: object) -> None:
        """`kubectl patch` of its spec."""
        await self.api.merge(f"{paths.GPUPOOLS}/{self.name}", {"spec": fields})

    async def delete_pool(self) -> None:
        """`kubectl delete`, if it is there."""
        with contextlib.suppress(Refused):
            await self.api.call("DELETE", f"{paths.GPUPOOLS}/{self.name}")

    async def get(self, name: str) -> Object | None:
        """The DPOJob as it is now."""
        return await self.api.get(self._job(name))

    # -- waiting ----------------------------------------------------------------------------

    async def until(
        self, what: str, holds: Callable[[], object], seconds: float | None = None
    ) -> None:
        """Waits until it holds. Raises Stuck."""
        seconds = self.patience if seconds is None else seconds
        deadline = time.monotonic() + seconds
        while not holds():
            if time.monotonic() > deadline:
                raise Stuck(f"{what}: not within {seconds:.0f} s")
            if any(operator.gave_up for operator in self.operators):
                raise Stuck(f"{what}: the operator's process ends again and again")
            self.history.changed.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.history.changed.wait(), 0.2)

    def job(self, name: str) -> Object | None:
        """The DPOJob as last seen."""
        found = [j for j in self.history.newest("dpojobs") if j["metadata"]["name"] == name]
        return found[-1] if found else None

    def condition(self, name: str, type_: str) -> Object:
        """A condition of the DPOJob as last seen; empty when it is not set."""
        job = self.job(name) or {}
        listed = (job.get("status") or {}).get("conditions") or []
        return next((c for c in listed if c["type"] == type_), {})

    def holds(self, name: str, type_: str) -> bool:
        """Whether that condition is True."""
        return self.condition(name, type_).get("status") == "True"

    async def finished(self, *names: str) -> None:
        """Until each has ended, for better or worse."""
        for name in names:
            await self.until(f"DPOJob {name} has ended", partial(self.holds, name, "Finished"))

    def trains(self, name: str, incarnation: int = 1, attempt: int = 1) -> bool:
        """Whether a training pod of it runs now."""
        return any(
            (r.job, r.incarnation, r.stage, r.attempt) == (name, incarnation, "train", attempt)
            for r in self.player.running.values()
        )

    async def rest(self) -> None:
        """Until the operator writes nothing, and nothing changes, for a while. Raises Stuck."""
        began = time.monotonic()
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
            if time.monotonic() - newest > quiet and not self.player.plays and not leaving:
                return
            if time.monotonic() - began > self.patience:
                raise Stuck("the operator does not stop writing")
            await asyncio.sleep(0.2)

    async def scrape(self, path: str, seconds: float = 60.0) -> tuple[int, str]:
        """Status and text of the operator's own HTTP server, once it answers 200.

        After so long: whatever it answers; status 0 when it does not answer at all.
        """
        deadline = time.monotonic() + seconds
        while True:
            code, text = await self._ask(path)
            if code == 200 or time.monotonic() > deadline:
                return code, text
            await asyncio.sleep(0.5)

    async def _ask(self, path: str) -> tuple[int, str]:
        url = f"http://127.0.0.1:{self.ports[0]}{path}"
        try:
            async with (
                aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=20)) as session,
                session.get(url) as answer,
            ):
                return answer.status, await answer.text()
        except (aiohttp.ClientError, OSError, TimeoutError):
            return 0, ""
