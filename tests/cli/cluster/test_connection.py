"""Credentials that expire, lines of watches and logs, and answers of something else than an API server."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.kit.cli.scripted_server import Response, refused, scripted_api

from dpojob.cluster import api as cluster_api
from dpojob.cluster.api import Api
from dpojob.cluster.kubeconfig import load_access
from dpojob.cluster.resources import DPOJOBS, PODS
from dpojob.errors import CommandError

EXPIRED = refused(401, "Unauthorized", "Unauthorized")
JOB = {"metadata": {"name": "helpful"}}
PLUGIN = """#!/bin/sh
date +%N >> {0}/calls
echo '{{"kind": "ExecCredential", "status": {{"token": "token-'$(wc -l < {0}/calls)'"}}}}'
"""


async def test_a_plugin_is_asked_again_once_its_token_has_expired(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plugin = tmp_path / "plugin"
    plugin.write_text(PLUGIN.format(tmp_path))
    plugin.chmod(0o755)
    user = {"exec": {"command": str(plugin), "apiVersion": "client.authentication.k8s.io/v1"}}
    pod_log = Response([b"a\n"])
    async with scripted_api(Response([JOB]), EXPIRED, Response([JOB]), EXPIRED, pod_log) as (
        server,
        _,
    ):
        config: dict[str, Any] = {
            "current-context": "c", "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
            "clusters": [{"name": "c", "cluster": {"server": f"http://127.0.0.1:{server.port}"}}],
            "users": [{"name": "u", "user": user}],
        }  # fmt: skip
        (tmp_path / "config").write_text(yaml.safe_dump(config))
        monkeypatch.setenv("KUBECONFIG", str(tmp_path / "config"))
        async with Api(load_access) as api:
            await api.get(DPOJOBS, "helpful")
            await api.get(DPOJOBS, "helpful")
            assert [line async for line in api.log("pod")] == [b"a"]
    assert [token.rpartition("-")[2] for token in server.tokens] == ["1", "1", "2", "2", "3"]


async def test_credentials_that_stay_unknown_are_an_error() -> None:
    async with scripted_api(EXPIRED, EXPIRED, Response([JOB])) as (server, api):
        with pytest.raises(CommandError, match=r"Error from server \(Unauthorized\)"):
            await api.get(DPOJOBS, "helpful")
        assert len(server.asked) == 2


async def test_only_a_line_feed_ends_a_line() -> None:
    text = "next line \x85, separators \u2028 \x1e"
    changed = {"type": "MODIFIED", "object": {"metadata": {"annotations": {"a": text}}}}
    log = Response([b"50%\r100%\x0c\n", b"\n", b"the end"])
    async with scripted_api(Response([changed, changed]), log) as (_, api):
        assert [change async for change in api.watch(PODS, "5")] == [changed, changed]
        assert [line async for line in api.log("p")] == [b"50%\r100%\x0c", b"", b"the end"]


async def test_an_answer_of_something_else_is_named() -> None:
    page = Response([b"<html>sign in\x1b[2J</html>"])
    async with scripted_api(page, page) as (_, api):
        with pytest.raises(CommandError, match=r"no answer of an API server: <html>sign in\\x1b"):
            await api.get(DPOJOBS, "helpful")
        with pytest.raises(CommandError, match="no answer of an API server"):
            await anext(api.watch(DPOJOBS, "5"))


async def test_a_watch_that_is_silent_for_too_long_is_broken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(cluster_api, "WATCH_SILENCE_SECONDS", 0.05)
    async with scripted_api() as (_, api):
        with pytest.raises(CommandError, match=r"does not answer: no byte within 0\.05 s"):
            await anext(api.watch(DPOJOBS, "5"))
