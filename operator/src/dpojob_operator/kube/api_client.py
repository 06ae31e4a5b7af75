"""The client of the Kubernetes API: reads, creates, guarded deletes and status writes."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

import aiohttp

from dpojob_api.base import JSONObject
from dpojob_operator.process import ServerClock
from dpojob_operator.process.metrics import API_REQUESTS

from .bounded_body import NO_COMPRESSION, read_body
from .bounded_json import loads, loads_list
from .connection import Connection
from .resources import EVENTS, LEASES, PODS, Resource

MIN_PAGE, MAX_PAGE = 20, 100
"""Objects in each page of a list; the first has the fewest. Users fill objects up to the 1.5 MiB that the API server
stores, and large ones may follow small ones."""
PAGE_BYTES = 2**20
"""The length of a page that is aimed at, by the size of the objects in the page before it."""
UNGUARDED = (LEASES, EVENTS)
"""What is also written without leading: an Event tells of a write that was made while this process led."""


class ApiError(Exception):
    """The API server rejected a request or did not answer."""

    def __init__(self, status: int, message: str, retry_after: float | None = None) -> None:
        super().__init__(f"{status}: {message}")
        self.status = status
        """HTTP status; 0 when there was no answer."""
        self.retry_after = retry_after
        """Seconds after which the server asks to retry."""


class Conflict(ApiError):
    """409: the object changed or exists; read again."""


class NotFound(ApiError):
    """404."""


class ApiClient:
    """One connection pool to the API server. Use as an async context manager."""

    def __init__(self, request_seconds: float = 15.0) -> None:
        self._seconds = request_seconds
        self.server_clock = ServerClock()
        self.guard: Callable[[], None] = lambda: None
        """Called before every write but of `UNGUARDED`; raises when this process no longer leads."""
        self.observe: Callable[[Resource, JSONObject], None] = lambda resource, raw: None
        """Called with each object in the answer to a write; not with one that was read."""
        self._connection = Connection()

    async def __aenter__(self) -> ApiClient:
        await self._connection.open()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._connection.close()

    async def _request(
        self,
        method: str,
        resource: Resource,
        path: str,
        query: list[tuple[str, str]] | None = None,
        body: JSONObject | None = None,
    ) -> bytes:
        """Sends a request; returns the body of the answer. Raises ApiError."""
        if method != "get" and resource not in UNGUARDED:
            self.guard()
        sent = self.server_clock.monotonic()
        try:
            async with asyncio.timeout(self._seconds):
                response = await self._connection.request(method.upper(), path, query, body)
                answer = await response.read()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            API_REQUESTS.labels(method, resource.plural, "none").inc()
            raise ApiError(0, f"{method} {path}: {type(error).__name__} {error}") from error
        API_REQUESTS.labels(method, resource.plural, str(response.status)).inc()
        if not 200 <= response.status <= 299:
            raise _to_api_error(response, answer)
        self.server_clock.observe(response.headers.get("Date"), sent, self.server_clock.monotonic())
        return answer

    async def _json(
        self,
        method: str,
        resource: Resource,
        path: str,
        parse: Callable[[bytes], Any] = loads,
        query: list[tuple[str, str]] | None = None,
        body: JSONObject | None = None,
    ) -> JSONObject:
        answer = await self._request(method, resource, path, query, body)
        try:
            value = parse(answer)
        except ValueError as error:
            raise ApiError(0, f"{method} {path}: the answer is not JSON") from error
        if not isinstance(value, dict):
            raise ApiError(0, f"{method} {path}: the answer is not an object")
        return value

    async def _object(
        self, method: str, resource: Resource, path: str, body: JSONObject | None = None
    ) -> JSONObject:
        """The object in the answer, which is shown to `observe`."""
        answer = await self._json(method, resource, path, body=body)
        self.observe(resource, answer)
        return answer

    async def get(self, resource: Resource, namespace: str | None, name: str) -> JSONObject | None:
        """Reads one object; None when it does not exist. `observe` is not shown it."""
        try:
            return await self._json("get", resource, resource.path(namespace, name))
        except NotFound:
            return None

    async def list(
        self,
        resource: Resource,
        namespace: str | None = None,
        labels: Mapping[str, str] | str | None = None,
        fields: str | None = None,
    ) -> AsyncIterator[JSONObject]:
        """Lists all objects, page by page; `labels` may be a label selector."""
        found: list[JSONObject] = []
        selector = labels if isinstance(labels, str) else _selector(labels)
        async for _ in self._pages(resource, namespace, selector, fields, found.append):
            for item in found:
                yield item
            found.clear()

    async def scan(
        self,
        resource: Resource,
        namespace: str | None,
        labels: Mapping[str, str] | None,
        take: Callable[[JSONObject], None],
    ) -> str:
        """Calls `take` with each object, of which none is kept; returns the resourceVersion of the list."""
        version = ""
        async for page_version in self._pages(resource, namespace, _selector(labels), None, take):
            version = version or page_version
        return version

    async def _pages(
        self,
        resource: Resource,
        namespace: str | None,
        selector: str,
        fields: str | None,
        take: Callable[[JSONObject], None],
    ) -> AsyncIterator[str]:
        """Yields the resourceVersion after each page, of which `take` got the objects."""
        query: list[tuple[str, str]] = []
        if selector:
            query.append(("labelSelector", selector))
        if fields:
            query.append(("fieldSelector", fields))
        limit, size, following = MIN_PAGE, 0, ""

        def parse(text: bytes) -> Any:
            nonlocal size
            size = len(text)
            return loads_list(text, take)

        while True:
            more = [("limit", str(limit))]
            if following:
                more.append(("continue", following))
            page = await self._json(
                "get",
                resource,
                resource.path(namespace),
                parse=parse,
                query=[*query, *more],
            )
            metadata = page.get("metadata") or {}
            yield metadata.get("resourceVersion") or ""
            following = metadata.get("continue") or ""
            if not following:
                return
            fitting = PAGE_BYTES * len(page.get("items") or ()) // size
            limit = min(max(fitting, MIN_PAGE), MAX_PAGE)

    async def create(self, resource: Resource, body: JSONObject) -> JSONObject:
        """Creates the object; raises Conflict when one of that name exists."""
        namespace = body["metadata"].get("namespace")
        return await self._object("post", resource, resource.path(namespace), body=body)

    async def delete(self, resource: Resource, namespace: str | None, name: str, uid: str) -> None:
        """Deletes the object with that UID, its dependents first; nothing when it no longer exists."""
        body = {
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "propagationPolicy": "Foreground",
            "preconditions": {"uid": uid},
        }
        try:
            answer = await self._json("delete", resource, resource.path(namespace, name), body=body)
        except (NotFound, Conflict):
            return
        # With dependents to be deleted first, the answer is the object as it waits for them; else it is a Status.
        if "uid" in (answer.get("metadata") or {}):
            self.observe(resource, answer)

    async def write_status(self, resource: Resource, body: JSONObject) -> JSONObject:
        """Replaces the status; raises Conflict when the object changed since `body` was read."""
        metadata = body["metadata"]
        path = resource.path(metadata.get("namespace"), metadata["name"], "status")
        # The API server takes only the status from it. It keeps the managed fields that a body lacks.
        sent = {name: value for name, value in body.items() if name != "spec"}
        sent["metadata"] = {k: value for k, value in metadata.items() if k != "managedFields"}
        return await self._object("put", resource, path, body=sent)

    async def set_labels(
        self,
        resource: Resource,
        namespace: str | None,
        name: str,
        uid: str,
        labels: Mapping[str, str],
    ) -> None:
        """Sets labels of the object with that UID, by a merge patch; nothing when it no longer exists."""
        body = {"metadata": {"uid": uid, "labels": dict(labels)}}
        with contextlib.suppress(NotFound, Conflict):
            await self._object("patch", resource, resource.path(namespace, name), body=body)

    async def replace(self, resource: Resource, body: JSONObject) -> JSONObject:
        """Replaces the object; raises Conflict when it changed since `body` was read."""
        metadata = body["metadata"]
        path = resource.path(metadata.get("namespace"), metadata["name"])
        return await self._object("put", resource, path, body=body)

    async def read_from_pod(
        self, namespace: str, pod: str, port: int, path: str, limit: int
    ) -> bytes:
        """Reads what a pod's HTTP server answers, through the API server; the caller bounds the time.

        The answer is the pod's, so that neither its body nor its error message is read without a
        limit. Raises ApiError when the status is not 2xx, and ValueError as `read_body` does.
        """
        path = f"{PODS.path(namespace, None)}/http:{pod}:{port}/proxy{path}"
        response = await self._connection.request("GET", path, headers=NO_COMPRESSION)
        try:
            API_REQUESTS.labels("get", "pods/proxy", str(response.status)).inc()
            if not 200 <= response.status <= 299:
                raise ApiError(response.status, f"GET {path}")
            return await read_body(response, limit)
        finally:
            response.close()


def _selector(labels: Mapping[str, str] | None) -> str:
    return ",".join(f"{key}={value}" for key, value in (labels or {}).items())


def _to_api_error(response: aiohttp.ClientResponse, body: bytes) -> ApiError:
    try:
        message = str(loads(body)["message"])
    except (TypeError, ValueError, KeyError):
        message = f"{response.reason} {body!r}" if body else str(response.reason)
    after = response.headers.get("Retry-After")
    retry_after = float(after) if after and after.isdigit() else None
    kinds = {404: NotFound, 409: Conflict}
    return kinds.get(response.status, ApiError)(response.status, message, retry_after)
