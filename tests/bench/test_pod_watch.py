"""The watch that notes the moment of each Pod object."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from bench.operator.load import PodWatch


def event(kind: str, version: int, job: str = "") -> dict[str, Any]:
    metadata = {"resourceVersion": str(version), "labels": {"job": job} if job else None}
    return {"type": kind, "object": {"metadata": metadata}}


class ApiServer:
    """Ends each watch after some events, and notes the versions from which watches began."""

    def __init__(self, *watches: list[dict[str, Any]]) -> None:
        self.watches = list(watches)
        self.versions: list[str] = []

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.versions.append(request.query["resourceVersion"])
        events = self.watches.pop(0)
        return web.Response(text="".join(f"{json.dumps(event)}\n" for event in events))

    async def wait(self, *jobs: str) -> PodWatch:
        """Watches until these jobs have a pod."""
        app = web.Application()
        app.router.add_get("/{path:.*}", self.answer)

        async def call(*_: Any) -> dict[str, Any]:
            return {"metadata": {"resourceVersion": "1"}}

        async with TestServer(app) as server, aiohttp.ClientSession() as session:
            url = str(server.make_url("")).rstrip("/")
            api: Any = SimpleNamespace(server=url, session=session, call=call)
            watch = PodWatch(api, "ns", "job")
            async with watch.running():
                await watch.wait_for(jobs)
        return watch


async def test_a_watch_that_ends_goes_on_where_it_was() -> None:
    pods = [event("ADDED", 2, "a"), event("MODIFIED", 3, "a"), event("BOOKMARK", 7)]
    server = ApiServer(pods, [event("ADDED", 8), event("ADDED", 9, "b")], [])
    watch = await server.wait("a", "b")
    assert set(watch.seen) == {"a", "b"}
    assert server.versions[:2] == ["1", "7"]


async def test_a_watch_that_cannot_go_on_ends_the_wait() -> None:
    server = ApiServer([event("ADDED", 2, "a"), {"type": "ERROR", "object": {"code": 410}}])
    with pytest.raises(RuntimeError, match="410"):
        await server.wait("a", "b")
