"""The pages of a list: larger where objects are small."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from kubernetes.aio.config import kube_config

from dpojob_operator.kube import ApiClient
from dpojob_operator.kube.resources import DPOJOBS, JOBS, Resource


@pytest.mark.parametrize(
    ("resource", "padding", "limits"),
    [(DPOJOBS, 10, [20, 40, 80, 100, 100]), (DPOJOBS, 60_000, [20] * 5), (JOBS, 10, [500] * 5)],
    ids=["small objects", "large objects", "a kind whose pages are large"],
)
async def test_pages_of_small_objects_grow(
    resource: Resource,
    padding: int,
    limits: list[int],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[int] = []

    async def page(request: web.Request) -> web.Response:
        asked.append(int(request.query["limit"]))
        items = [{"metadata": {"name": "x" * padding}}] * min(asked[-1], 20)
        following = "more" if len(asked) < len(limits) else ""
        body = {"items": items, "metadata": {"continue": following, "resourceVersion": "7"}}
        return web.json_response(body)

    app = web.Application()
    app.router.add_get("/{path:.*}", page)
    async with TestServer(app) as server:
        config = {
            "current-context": "c",
            "contexts": [{"name": "c", "context": {"cluster": "k", "user": "u"}}],
            "clusters": [{"name": "k", "cluster": {"server": str(server.make_url(""))}}],
            "users": [{"name": "u", "user": {}}],
        }
        (tmp_path / "kubeconfig").write_text(json.dumps(config))
        monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))
        # The library reads the variable when it is imported.
        location = str(tmp_path / "kubeconfig")
        monkeypatch.setattr(kube_config, "KUBE_CONFIG_DEFAULT_LOCATION", location)
        taken: list[object] = []
        async with ApiClient() as client:
            version = await client.scan(resource, "ns", None, taken.append)
    assert (version, asked, len(taken)) == ("7", limits, 20 * len(limits))
