"""A client of the API server for code on an event loop, which drives many fault runs at once.

It sends the requests of `devcluster.control_plane.api_client`, the client of code without an event loop, over aiohttp.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from types import TracebackType

import aiohttp

from devcluster.control_plane import ApiError
from devcluster.control_plane.api_client import JSON, MERGE_PATCH, Request, labelled
from devcluster.control_plane.kubeconfig import read as read_kubeconfig
from dpojob_api.base import JSONObject
from dpojob_operator.kube.bounded_json import loads

LARGEST_LINE = 4 * 1024 * 1024
"""Bytes of one watch event; the API server's objects are smaller."""


class AsyncApi:
    """One connection pool. Use as an async context manager."""

    def __init__(self, kubeconfig: Path, timeout: float = 300.0) -> None:
        self.server, self._tls = read_kubeconfig(kubeconfig)
        self._timeout = timeout
        self.discovery: dict[str, bytes] = {}
        """Answers that never change, by path; the proxies' memory."""

    async def __aenter__(self) -> AsyncApi:
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
        self, method: str, path: str, body: object = None, content_type: str = JSON
    ) -> JSONObject:
        """The answer as JSON; a body of bytes is sent as it is. Raises ApiError."""
        request = Request(method, path, body, content_type)
        async with self.session.request(
            method,
            self.server + path,
            data=request.data,
            headers=request.headers,
            timeout=aiohttp.ClientTimeout(total=self._timeout),
        ) as response:
            return dict(request.decode(response.status, await response.read(), loads))

    async def get(self, path: str) -> JSONObject | None:
        """The object, or None."""
        try:
            return await self.call("GET", path)
        except ApiError as error:
            if error.status == 404:
                return None
            raise

    async def items(self, path: str, labels: Mapping[str, str] | None = None) -> list[JSONObject]:
        """All objects of a collection that have the labels."""
        answer = await self.call("GET", labelled(path, labels or {}))
        return list(answer["items"])

    async def merge(self, path: str, body: object) -> JSONObject:
        """A JSON merge patch."""
        return await self.call("PATCH", path, body, MERGE_PATCH)

    async def watch(
        self, path: str, labels: Mapping[str, str] | None = None, accept: str = JSON
    ) -> AsyncIterator[tuple[str, JSONObject]]:
        """(type, object) for ever: what is there first, then every change, none left out.

        `accept` is the media type of the changes, which may leave out all but the metadata.
        """
        selected, version = labelled(path, labels or {}), ""
        while True:
            if not version:
                listed = await self.call("GET", selected)
                version = listed["metadata"]["resourceVersion"]
                for item in listed["items"]:
                    yield "ADDED", item
            query = f"&watch=1&allowWatchBookmarks=true&resourceVersion={version}"
            try:
                address, headers = self.server + selected + query, {"Accept": accept}
                async with self.session.get(address, headers=headers) as stream:
                    async for line in stream.content:
                        event = loads(line)
                        if event["type"] == "ERROR":
                            raise RuntimeError(f"the harness's own watch broke: {event}")
                        version = event["object"]["metadata"]["resourceVersion"]
                        if event["type"] != "BOOKMARK":
                            yield event["type"], event["object"]
            except aiohttp.ClientError:
                await asyncio.sleep(0.1)
