"""A client of the API server for code on an event loop, which drives many fault runs at once.

Code without an event loop uses `devcluster.control_plane.api_client`, whose kubeconfig reader this is
built on.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from types import TracebackType

import aiohttp

from devcluster.control_plane import kubeconfig as kubeconfigs
from devcluster.control_plane.api_client import MERGE_PATCH
from dpojob_api.base import JSONObject
from dpojob_operator.kube.bounded_json import loads

DPOJOBS = "/apis/dpojob.dev/v1alpha1/namespaces/{}/dpojobs"
GPUPOOLS = "/apis/dpojob.dev/v1alpha1/gpupools"
JOBS = "/apis/batch/v1/namespaces/{}/jobs"
PODS = "/api/v1/namespaces/{}/pods"
LARGEST_LINE = 4 * 1024 * 1024
"""Bytes of one watch event; the API server's objects are smaller."""


class ApiError(Exception):
    """The API server refused a request."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"{status}: {message}")
        self.status = status


class Api:
    """One connection pool. Use as an async context manager."""

    def __init__(self, kubeconfig: Path, timeout: float = 30.0) -> None:
        self.server, self._tls = kubeconfigs.read(kubeconfig)
        self._timeout = timeout
        self.discovery: dict[str, bytes] = {}
        """Answers that never change, by path; the proxies' memory."""

    async def __aenter__(self) -> Api:
        self.session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=self._tls or True, limit=0),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=10),
            read_bufsize=LARGEST_LINE,
            auto_decompress=False,
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.session.close()

    async def call(
        self, method: str, path: str, body: object = None, content_type: str = "application/json"
    ) -> JSONObject:
        """The answer as JSON; of bytes, the body is sent as it is. Raises ApiError."""
        data = body if body is None or isinstance(body, bytes) else json.dumps(body)
        async with self.session.request(
            method,
            self.server + path,
            data=data,
            headers={"Content-Type": content_type, "Accept-Encoding": "identity"},
            timeout=aiohttp.ClientTimeout(total=self._timeout),
        ) as response:
            text = await response.read()
            if response.status >= 400:
                raise ApiError(response.status, text.decode()[:1000])
            return dict(loads(text))

    async def get(self, path: str) -> JSONObject | None:
        """The object, or None."""
        try:
            return await self.call("GET", path)
        except ApiError as error:
            if error.status == 404:
                return None
            raise

    async def items(self, path: str, labels: Mapping[str, str] | None = None) -> list[JSONObject]:
        """All objects of a collection."""
        selector = ",".join(f"{key}={value}" for key, value in (labels or {}).items())
        answer = await self.call("GET", f"{path}?labelSelector={selector}")
        return list(answer["items"])

    async def merge(self, path: str, body: object) -> JSONObject:
        """A JSON merge patch."""
        return await self.call("PATCH", path, body, MERGE_PATCH)

    async def watch(self, path: str, labels: str = "") -> AsyncIterator[tuple[str, JSONObject]]:
        """(type, object) for ever: what is there first, then every change, none left out."""
        version = ""
        while True:
            if not version:
                listed = await self.call("GET", f"{path}?labelSelector={labels}")
                version = listed["metadata"]["resourceVersion"]
                for item in listed["items"]:
                    yield "ADDED", item
            query = f"?watch=1&allowWatchBookmarks=true&labelSelector={labels}&resourceVersion="
            try:
                async with self.session.get(self.server + path + query + version) as stream:
                    async for line in stream.content:
                        event = loads(line)
                        if event["type"] == "ERROR":
                            raise RuntimeError(f"the harness's own watch broke: {event}")
                        version = event["object"]["metadata"]["resourceVersion"]
                        if event["type"] != "BOOKMARK":
                            yield event["type"], event["object"]
            except aiohttp.ClientError:
                await asyncio.sleep(0.1)
