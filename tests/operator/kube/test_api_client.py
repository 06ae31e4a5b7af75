"""Which answers the API client shows to the stores."""

from __future__ import annotations

from pathlib import Path

import pytest
from aiohttp import web
from tests.kit.operator.api_clients import api_client_of

from dpojob_api.base import JSONObject
from dpojob_operator.kube.resources import DPOJOBS, Resource


async def test_the_answer_to_a_write_is_observed_and_that_to_a_read_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored = {"metadata": {"namespace": "ns", "name": "a", "uid": "u", "resourceVersion": "2"}}

    async def answer(_: web.Request) -> web.Response:
        return web.json_response(stored)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    observed: list[tuple[Resource, JSONObject]] = []
    async with api_client_of(app, tmp_path, monkeypatch) as client:
        client.observe = lambda resource, raw: observed.append((resource, raw))
        assert await client.get(DPOJOBS, "ns", "a") == stored
        assert observed == []
        await client.write_status(DPOJOBS, stored)
        await client.create(DPOJOBS, stored)
    assert observed == [(DPOJOBS, stored)] * 2
