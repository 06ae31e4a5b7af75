"""The watch that notes the moment of each Pod object."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from bench.operator.load import PodWatch
from tests.kit.api.client import AsyncApi


def event(kind: str, version: int, job: str = "") -> dict[str, Any]:
    metadata = {"resourceVersion": str(version), "labels": {"job": job} if job else None}
    return {"type": kind, "object": {"metadata": metadata}}


def write_kubeconfig(path: Path, server: str) -> None:
    config = {"clusters": [{"cluster": {"server": server}}], "users": [{"user": {}}]}
    path.write_text(json.dumps(config))


class ApiServer:
    """Ends each watch after some events, and notes the versions from which watches began."""

    def __init__(self, *watches: list[dict[str, Any]]) -> None:
        self.watches = list(watches)
        self.versions: list[str] = []

    async def answer(self, request: web.Request) -> web.StreamResponse:
        if "watch" not in request.query:
            return web.json_response({"metadata": {"resourceVersion": "1"}, "items": []})
        self.versions.append(request.query["resourceVersion"])
        if not self.watches:
            await asyncio.Event().wait()
        events = self.watches.pop(0)
        return web.Response(text="".join(f"{json.dumps(event)}\n" for event in events))

    async def wait(self, kubeconfig: Path, *jobs: str) -> PodWatch:
        """Watches until these jobs have a pod; writes the kubeconfig for it."""
        app = web.Application()
        app.router.add_get("/{path:.*}", self.answer)
        async with TestServer(app) as server:
            write_kubeconfig(kubeconfig, str(server.make_url("")).rstrip("/"))
            async with AsyncApi(kubeconfig) as api:
                watch = PodWatch(api, "ns", "job", {})
                async with watch.running():
                    await watch.wait_for(jobs)
        return watch


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
