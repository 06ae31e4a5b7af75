"""The pages of a list: more objects where these are small."""

from __future__ import annotations

from pathlib import Path

import pytest
from aiohttp import web
from tests.kit.operator.api_clients import api_client_of

from dpojob_operator.kube.resources import JOBS


@pytest.mark.parametrize(
    ("paddings", "limits"),
    [
        ([10] * 3, [20, 100, 100]),
        ([20_000] * 3, [20, 52, 52]),
        ([60_000] * 3, [20, 20, 20]),
        ([10, 60_000, 10, 10], [20, 100, 20, 100]),
    ],
    ids=["small", "medium", "large", "large after small"],
)
async def test_pages_are_of_about_one_mebibyte(
    paddings: list[int],
    limits: list[int],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[int] = []

    async def page(request: web.Request) -> web.Response:
        asked.append(int(request.query["limit"]))
        items = [{"metadata": {"name": "x" * paddings[len(asked) - 1]}}] * asked[-1]
        following = "more" if len(asked) < len(limits) else ""
        body = {"items": items, "metadata": {"continue": following, "resourceVersion": "7"}}
        return web.json_response(body)

    app = web.Application()
    app.router.add_get("/{path:.*}", page)
    taken: list[object] = []
    async with api_client_of(app, tmp_path, monkeypatch) as client:
        version = await client.scan(JOBS, "ns", None, taken.append)
    assert (version, asked, len(taken)) == ("7", limits, sum(limits))
