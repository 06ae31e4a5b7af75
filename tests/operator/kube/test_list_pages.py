"""The pages of a list: larger where objects are small."""

from __future__ import annotations

from pathlib import Path

import pytest
from aiohttp import web
from tests.kit.operator.api_clients import api_client_of

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
    taken: list[object] = []
    async with api_client_of(app, tmp_path, monkeypatch) as client:
        version = await client.scan(resource, "ns", None, taken.append)
    assert (version, asked, len(taken)) == ("7", limits, 20 * len(limits))
