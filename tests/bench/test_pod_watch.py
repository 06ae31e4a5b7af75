"""The watches of pods: that which notes the moment of each Pod object, and that which makes training pods run."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from bench.operator.load import PodWatch
from bench.operator.training_pods import TrainingPods
from tests.kit.api.client import AsyncApi

from devcluster.control_plane import ApiError
from dpojob_api.constants import LABEL_JOB_NAME


def event(kind: str, version: int, job: str = "") -> dict[str, Any]:
    metadata = {"resourceVersion": str(version), "labels": {"job": job} if job else None}
    return {"type": kind, "object": {"metadata": metadata}}


def running_pod(version: int, address: str, name: str = "pod") -> dict[str, Any]:
    labels = {LABEL_JOB_NAME: "job"}
    metadata = {"name": name, "resourceVersion": str(version), "labels": labels}
    status = {"phase": "Running", "podIP": address}
    return {"type": "MODIFIED", "object": {"metadata": metadata, "status": status}}


def write_kubeconfig(path: Path, server: str) -> None:
    config = {"clusters": [{"cluster": {"server": server}}], "users": [{"user": {}}]}
    path.write_text(json.dumps(config))


class ApiServer:
    """Ends each watch after some events, and notes the versions from which watches began, and the patches."""

    def __init__(self, *watches: list[dict[str, Any]]) -> None:
        self.watches = list(watches)
        self.versions: list[str] = []
        self.patches: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.patch_status = 200

    async def answer(self, request: web.Request) -> web.StreamResponse:
        if request.method == "PATCH":
            self.patches.put_nowait(json.loads(await request.read()))
            return web.json_response({}, status=self.patch_status)
        if "watch" not in request.query:
            return web.json_response({"metadata": {"resourceVersion": "1"}, "items": []})
        self.versions.append(request.query["resourceVersion"])
        if not self.watches:
            await asyncio.Event().wait()
        events = self.watches.pop(0)
        return web.Response(text="".join(f"{json.dumps(event)}\n" for event in events))

    async def wait(self, kubeconfig: Path, *jobs: str) -> PodWatch:
        """Watches until these jobs have a pod; writes the kubeconfig for it."""
        async with self.serving(kubeconfig) as api:
            watch = PodWatch(api, "ns", "job", {})
            async with watch.running():
                await watch.wait_for(jobs)
        return watch

    @asynccontextmanager
    async def serving(self, kubeconfig: Path) -> AsyncIterator[AsyncApi]:
        """A client of it; writes the kubeconfig."""
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self.answer)
        async with TestServer(app) as server:
            write_kubeconfig(kubeconfig, str(server.make_url("")).rstrip("/"))
            async with AsyncApi(kubeconfig) as api:
                yield api


async def test_a_watch_that_ends_goes_on_where_it_was(tmp_path: Path) -> None:
    pods = [event("ADDED", 2, "a"), event("MODIFIED", 3, "a"), event("BOOKMARK", 7)]
    server = ApiServer(pods, [event("ADDED", 8), event("ADDED", 9, "b")])
    watch = await server.wait(tmp_path / "kubeconfig", "a", "b")
    assert set(watch.seen) == {"a", "b"}
    assert server.versions[:2] == ["1", "7"]


async def test_a_watch_that_cannot_go_on_ends_the_wait(tmp_path: Path) -> None:
    server = ApiServer([event("ADDED", 2, "a"), {"type": "ERROR", "object": {"code": 410}}])
    with pytest.raises(RuntimeError, match="410"):
        await server.wait(tmp_path / "kubeconfig", "a", "b")


async def test_a_running_pod_whose_address_is_overwritten_gets_it_again(tmp_path: Path) -> None:
    own, kwoks = "127.77.0.2", "198.18.0.1"
    server = ApiServer(
        [running_pod(2, kwoks)],
        [running_pod(3, kwoks)],
        [running_pod(4, own), running_pod(5, kwoks, "other")],
    )
    async with server.serving(tmp_path / "kubeconfig") as api:
        pods = TrainingPods(api, "ns")
        pods.when_running(pods.keep_running)
        async with pods.watched():
            patches = [await server.patches.get() for _ in range(3)]
    assert [patch["status"]["podIP"] for patch in patches] == [own, own, "127.77.0.3"]


@pytest.mark.parametrize(("status", "is_error"), [(404, False), (500, True)])
async def test_only_a_pod_that_is_gone_may_fail_to_be_changed(
    tmp_path: Path, status: int, is_error: bool
) -> None:
    server = ApiServer([running_pod(2, "198.18.0.1")])
    server.patch_status = status
    expected = pytest.RaisesGroup(ApiError) if is_error else nullcontext()
    with expected:
        async with server.serving(tmp_path / "kubeconfig") as api:
            pods, answered = TrainingPods(api, "ns"), asyncio.Event()

            async def succeed(pod: str, job: str) -> None:
                try:
                    await pods.succeed(pod, job)
                finally:
                    answered.set()

            pods.when_running(succeed)
            async with pods.watched():
                await answered.wait()
