"""A proxy of the kubeconfig or of the environment, which Kubernetes' own clients use too."""

from __future__ import annotations

import pytest
from tests.kit.cli.scripted_server import Response, ScriptedServer, refused, scripted_api

from dpojob.cluster.api import Api
from dpojob.cluster.kubeconfig import ClusterAccess
from dpojob.cluster.resources import DPOJOBS
from dpojob.errors import CommandError

JOB = {"metadata": {"name": "helpful"}}
SERVER = "http://api.example.invalid:8001"
"""A host that only the proxy can know."""


def api_behind(proxy: str | None) -> Api:
    return Api(lambda: ClusterAccess(SERVER, "team-a", None, {"Authorization": "t"}, proxy))


def address(proxy: ScriptedServer) -> str:
    return f"http://127.0.0.1:{proxy.port}"


async def test_the_proxy_of_the_kubeconfig_is_asked_for_the_server() -> None:
    async with scripted_api(Response([JOB]), Response([b"a\nb"])) as (proxy, _):
        async with api_behind(address(proxy)) as api:
            assert await api.get(DPOJOBS, "helpful") == JOB
            assert [line async for line in api.log("pod")] == [b"a", b"b"]
        assert all(each.startswith(f"{SERVER}/api") for each in proxy.asked), proxy.asked
        assert proxy.tokens == ["t", "t"]


@pytest.mark.parametrize("variable", ["http_proxy", "HTTP_PROXY", "ALL_PROXY"])
async def test_the_proxy_of_the_environment_is_asked_too(
    monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    async with scripted_api(Response([JOB]), refused(404, "NotFound", "no such job")) as (proxy, _):
        monkeypatch.setenv(variable, address(proxy))
        async with api_behind(None) as api:
            assert await api.get(DPOJOBS, "helpful") == JOB
            with pytest.raises(CommandError, match=r"\(NotFound\): no such job"):
                await api.get(DPOJOBS, "other")


async def test_no_proxy_is_asked_where_the_environment_excepts_the_server(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    async with scripted_api(Response([JOB])) as (_, api):
        assert await api.get(DPOJOBS, "helpful") == JOB


async def test_a_proxy_that_is_not_there_is_an_error() -> None:
    async with api_behind("http://127.0.0.1:1") as api:
        with pytest.raises(CommandError, match="does not answer: "):
            await api.get(DPOJOBS, "helpful")
