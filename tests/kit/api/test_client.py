import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from tests.kit.api.client import AsyncApi

from devcluster.control_plane import ApiError

POD = {"metadata": {"name": "a", "resourceVersion": "3"}}


class Pods:
    """A collection of one pod; the first watch ends after one event."""

    def __init__(self) -> None:
        self.requests: list[dict[str, Any]] = []

    async def serve(self, request: web.Request) -> web.StreamResponse:
        sent = {"method": request.method, "query": dict(request.query)}
        self.requests.append(sent | {"body": await request.text()})
        if "watch" in request.query:
            version = str(int(request.query["resourceVersion"]) + 1)
            event = {
                "type": "MODIFIED",
                "object": {"metadata": {"name": "a", "resourceVersion": version}},
            }
            return web.Response(text=json.dumps(event) + "\n")
        if request.match_info["name"]:
            found = request.match_info["name"] == "/a"
            return web.json_response(POD) if found else web.Response(status=404, text="no pod")
        if request.method == "POST":
            return web.Response(status=409, text="it is there")
        return web.json_response({"metadata": {"resourceVersion": "3"}, "items": [POD]})


@pytest.fixture
def pods() -> Pods:
    return Pods()


@pytest.fixture
async def api(pods: Pods, tmp_path: Path) -> AsyncIterator[AsyncApi]:
    application = web.Application()
    application.router.add_route("*", "/pods{name:(/.*)?}", pods.serve)
    async with TestServer(application) as server:
        address = str(server.make_url("")).rstrip("/")
        kubeconfig = tmp_path / "kubeconfig"
        kubeconfig.write_text(
            json.dumps({"clusters": [{"cluster": {"server": address}}], "users": [{"user": {}}]})
        )
        async with AsyncApi(kubeconfig) as client:
            yield client


async def test_an_object_is_found_or_none(api: AsyncApi) -> None:
    assert await api.get("/pods/a") == POD
    assert await api.get("/pods/b") is None


async def test_a_refusal_is_raised_with_its_status(api: AsyncApi) -> None:
    with pytest.raises(ApiError, match="409 it is there") as raised:
        await api.call("POST", "/pods", POD)
    assert raised.value.status == 409


async def test_a_collection_is_read_by_labels(api: AsyncApi, pods: Pods) -> None:
    assert await api.items("/pods", {"dpojob.dev/stage": "train"}) == [POD]
    assert pods.requests[-1]["query"] == {"labelSelector": "dpojob.dev/stage=train"}


async def test_a_watch_goes_on_from_the_last_event_when_its_connection_ends(
    api: AsyncApi, pods: Pods
) -> None:
    seen = []
    async for kind, pod in api.watch("/pods"):
        seen.append((kind, pod["metadata"]["resourceVersion"]))
        if len(seen) == 3:
            break
    assert seen == [("ADDED", "3"), ("MODIFIED", "4"), ("MODIFIED", "5")]
    assert [r["query"]["resourceVersion"] for r in pods.requests[1:]] == ["3", "4"]
