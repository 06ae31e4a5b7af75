"""Training pods on fake nodes: they run, answer `GET /progress`, and end as a benchmark says."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
from aiohttp import web
from tests.kit import termination_messages
from tests.kit.api.client import AsyncApi
from tests.kit.api.paths import PODS
from tests.kit.operator_fixture import succeeded

from devcluster.control_plane import ApiError
from dpojob_api.constants import LABEL_JOB_NAME, LABEL_STAGE, PROGRESS_PORT, STAGE_TRAIN

RunningPod = Callable[[str, str], Awaitable[None]]
"""Called with the names of a pod and of its DPOJob once the pod runs."""


class TrainingPods:
    """The training pods of one namespace."""

    def __init__(self, api: AsyncApi, namespace: str) -> None:
        self._api = api
        self._path = PODS.format(namespace)
        self._on_running: RunningPod = self.succeed
        self._actions: set[asyncio.Task[None]] = set()
        self._begun: set[str] = set()
        self._addresses: dict[str, str] = {}
        """IP addresses by the names of the pods that keep running."""
        self.running: dict[str, str] = {}
        """DPOJobs by the pods that run now."""

    def when_running(self, action: RunningPod) -> None:
        """What happens to a pod that begins to run; by default it succeeds at once."""
        self._on_running = action

    @asynccontextmanager
    async def watched(self) -> AsyncIterator[TrainingPods]:
        """Watches the pods while the context is open. Raises, in a group, what ends the watch or an action."""
        async with asyncio.TaskGroup() as tasks:
            watch = tasks.create_task(self._watch(tasks))
            try:
                yield self
            finally:
                for task in (watch, *self._actions):
                    task.cancel()

    async def _watch(self, tasks: asyncio.TaskGroup) -> None:
        def start(action: RunningPod, name: str, job: str) -> None:
            task = tasks.create_task(_unless_deleted(action, name, job))
            self._actions.add(task)
            task.add_done_callback(self._actions.discard)

        async for kind, pod in self._api.watch(self._path, {LABEL_STAGE: STAGE_TRAIN}):
            name, job = pod["metadata"]["name"], pod["metadata"]["labels"][LABEL_JOB_NAME]
            status = pod.get("status") or {}
            if kind == "DELETED" or status.get("phase") in ("Succeeded", "Failed"):
                self.running.pop(name, None)
            elif status.get("phase") == "Running":
                if name not in self._begun:
                    self._begun.add(name)
                    self.running[name] = job
                    start(self._on_running, name, job)
                elif name in self._addresses and status.get("podIP") != self._addresses[name]:
                    # Where its watch is late, kwok writes the status of a running pod once more, with its own address.
                    start(self.keep_running, name, job)

    async def succeed(self, pod: str, job: str = "") -> None:
        """The pod ends with a trained model."""
        await self.end(pod, 0, succeeded())

    async def end(self, pod: str, exit_code: int, message: dict[str, Any]) -> None:
        """The pod ends with a status and a termination message."""
        annotations = {
            "kwok.dpojob.dev/exit-code": str(exit_code),
            "kwok.dpojob.dev/message": json.dumps(message),
        }
        await self._api.merge(f"{self._path}/{pod}", {"metadata": {"annotations": annotations}})

    async def delete(self, pod: str) -> None:
        """The pod is deleted, as by an eviction."""
        await self._api.call("DELETE", f"{self._path}/{pod}")

    async def keep_running(self, pod: str, job: str = "") -> None:
        """The pod runs on, at an address of this machine, where ProgressServer answers."""
        number = len(self._addresses) + 1
        address = self._addresses.setdefault(pod, f"127.77.{number // 250}.{number % 250 + 1}")
        body = {"status": {"podIP": address, "podIPs": [{"ip": address}]}}
        await self._api.merge(f"{self._path}/{pod}/status", body)

    async def until_running(self, count: int, limit: float) -> None:
        """Waits until `count` pods run."""
        async with asyncio.timeout(limit):
            while len(self.running) < count:
                await asyncio.sleep(0.2)


async def _unless_deleted(action: RunningPod, pod: str, job: str) -> None:
    try:
        await action(pod, job)
    except ApiError as error:
        if error.status != 404:
            raise


class ProgressServer:
    """Answers `GET /progress` of every running pod, and notes when each was asked."""

    def __init__(self) -> None:
        self.asked: dict[str, float] = {}
        """Moment of the last request, by the pod's address."""
        self.longest_gap = 0.0
        """Seconds between two requests of one pod, at most, since `reset`."""
        self.requests = 0
        self.port = 0
        self._began = time.monotonic()
        self._step = 0

    def reset(self) -> None:
        """Begins a measurement."""
        self.longest_gap, self.requests, self._began = 0.0, 0, time.monotonic()

    async def _answer(self, request: web.Request) -> web.Response:
        now = time.monotonic()
        address = request.host.partition(":")[0]
        self.longest_gap = max(
            self.longest_gap, now - max(self.asked.get(address, now), self._began)
        )
        self.asked[address] = now
        self.requests += 1
        self._step += 1
        body = termination_messages.progress(1, self._step % termination_messages.STEPS)
        return web.Response(text=body.wire_json(), content_type="application/json")

    def silent_for(self) -> float:
        """Seconds since that pod was asked which waits longest."""
        return time.monotonic() - min(self.asked.values(), default=time.monotonic())

    @asynccontextmanager
    async def serving(self, port: int = PROGRESS_PORT) -> AsyncIterator[ProgressServer]:
        """Serves at all addresses of this machine while the context is open."""
        app = web.Application()
        app.router.add_get("/progress", self._answer)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, host="0.0.0.0", port=port).start()
        self.port = runner.addresses[0][1]
        try:
            yield self
        finally:
            await runner.cleanup()


async def metrics(probes: str) -> dict[str, float]:
    """A controller's metrics, by series."""
    async with aiohttp.ClientSession() as session, session.get(f"{probes}/metrics") as answer:
        text = await answer.text()
    lines = (line.rpartition(" ") for line in text.splitlines() if line and line[0] != "#")
    return {series: float(value) for series, _, value in lines}


def total(series: dict[str, float], name: str) -> float:
    """The sum of a metric over its labels."""
    return sum(value for key, value in series.items() if key.partition("{")[0] == name)
