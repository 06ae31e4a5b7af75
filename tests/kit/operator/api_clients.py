"""The operator's API client on a server of the test, and stand-ins for the client."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from kubernetes.aio.config import kube_config

from dpojob_operator.kube import ApiClient


@asynccontextmanager
async def api_client_of(
    app: web.Application, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[ApiClient]:
    """The API client, whose requests `app` answers; its kubeconfig is written to the directory."""
    async with TestServer(app) as server:
        config = {
            "current-context": "c",
            "contexts": [{"name": "c", "context": {"cluster": "k", "user": "u"}}],
            "clusters": [{"name": "k", "cluster": {"server": str(server.make_url(""))}}],
            "users": [{"name": "u", "user": {}}],
        }
        location = directory / "kubeconfig"
        location.write_text(json.dumps(config))
        monkeypatch.setenv("KUBECONFIG", str(location))
        # The library reads the variable when it is imported.
        monkeypatch.setattr(kube_config, "KUBE_CONFIG_DEFAULT_LOCATION", str(location))
        async with ApiClient() as client:
            yield client


class FakeReader:
    """A stand-in for the API client: `get` returns the objects in `objects`."""

    def __init__(self) -> None:
        self.objects: dict[str, dict[str, Any]] = {}

    async def get(self, resource: Any, namespace: str, name: str) -> dict[str, Any] | None:
        return self.objects.get(name)


class Recorder:
    """A stand-in for the API client that records its requests and lists the given objects by kind."""

    def __init__(self, listed: Mapping[str, list[dict[str, Any]]] | None = None) -> None:
        self.asked: list[str] = []
        self._listed = listed or {}

    async def get(self, resource: Any, namespace: str | None, name: str) -> dict[str, Any] | None:
        self.asked.append(f"get {resource.plural}")
        if resource.plural != "jobs":
            return None
        return {
            "metadata": {"namespace": namespace, "name": name, "uid": "u", "resourceVersion": "1"}
        }

    async def list(self, resource: Any, *_: Any) -> AsyncIterator[dict[str, Any]]:
        self.asked.append(f"list {resource.plural}")
        for one in self._listed.get(resource.plural, []):
            yield one
