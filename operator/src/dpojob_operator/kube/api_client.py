"""The client of the Kubernetes API: reads, creates, guarded deletes and status writes."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator, Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
from kubernetes.aio import client, config
from kubernetes.aio.client.exceptions import ApiException
from kubernetes.aio.dynamic import DynamicClient

from dpojob_api.base import JSONObject
from dpojob_operator.process import ServerClock
from dpojob_operator.process.metrics import API_REQUESTS

from .bounded_body import NO_COMPRESSION, read_body
from .bounded_json import loads, loads_list
from .handled_fields import select_fields
from .resources import LEASES, PODS, Resource

SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount/token")


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


def inside_cluster() -> bool:
    """Whether this process runs in a pod with a service account, and `KUBECONFIG` is not set."""
    return "KUBECONFIG" not in os.environ and SERVICE_ACCOUNT.exists()


class ApiClient:
    """One connection pool to the API server. Use as an async context manager."""

    def __init__(self, request_seconds: float = 15.0) -> None:
        self._seconds = request_seconds
        self.server_clock = ServerClock()
        self.guard: Callable[[], None] = lambda: None
        """Called before every write; raises when this process no longer leads."""
        self._api: Any = None
        self._client: Any = None

    async def __aenter__(self) -> ApiClient:
        configuration = client.Configuration()
        if inside_cluster():
            config.load_incluster_config(client_configuration=configuration)
        else:
            await config.load_kube_config(client_configuration=configuration)
        self._api = client.ApiClient(configuration)
        self._api.user_agent = "dpojob-operator"
        # Not awaited: that would run discovery, and the few resources here are known.
        self._client = DynamicClient(self._api)
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._api.close()

    async def _request(
        self, method: str, resource: Resource, path: str, **options: Any
    ) -> aiohttp.ClientResponse:
        if method != "get" and resource is not LEASES:
            self.guard()
        sent = self.server_clock.monotonic()
        try:
            async with asyncio.timeout(self._seconds):
                response: aiohttp.ClientResponse = await self._client.request(
                    method, path, serialize=False, header_params={}, **options
                )
                await response.read()
        except ApiException as error:
            API_REQUESTS.labels(method, resource.plural, str(error.status)).inc()
            raise _to_api_error(error) from None
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            API_REQUESTS.labels(method, resource.plural, "none").inc()
            raise ApiError(0, f"{method} {path}: {type(error).__name__} {error}") from error
        API_REQUESTS.labels(method, resource.plural, str(response.status)).inc()
        self.server_clock.observe(response.headers.get("Date"), sent, self.server_clock.monotonic())
        return response

    async def _json(
        self,
        method: str,
        resource: Resource,
        path: str,
        parse: Callable[[bytes], Any] = loads,
        **options: Any,
    ) -> JSONObject:
        response = await self._request(method, resource, path, **options)
        try:
            value = parse(await response.read())
        except ValueError as error:
            raise ApiError(0, f"{method} {path}: the answer is not JSON") from error
        if not isinstance(value, dict):
            raise ApiError(0, f"{method} {path}: the answer is not an object")
        return value

    async def get(self, resource: Resource, namespace: str | None, name: str) -> JSONObject | None:
        """Reads one object; None when it does not exist."""
        try:
            return await self._json("get", resource, resource.path(namespace, name))
        except NotFound:
            return None

    async def list(
        self,
        resource: Resource,
        namespace: str | None = None,
        labels: Mapping[str, str] | None = None,
        fields: str | None = None,
        keep: dict[str, Any] | None = None,
    ) -> AsyncIterator[JSONObject]:
        """Lists all objects, page by page; `keep` names the fields that are kept, None keeps all."""
        selector = ",".join(f"{key}={value}" for key, value in (labels or {}).items())
        query: list[tuple[str, str]] = [("limit", str(resource.page))]
        if selector:
            query.append(("labelSelector", selector))
        if fields:
            query.append(("fieldSelector", fields))
        following = ""
        while True:
            more = [("continue", following)] if following else []
            page = await self._json(
                "get",
                resource,
                resource.path(namespace),
                parse=loads if keep is None else partial(_loads_page, keep=keep),
                query_params=[*query, *more],
            )
            for item in page.get("items") or []:
                yield item
            following = (page.get("metadata") or {}).get("continue") or ""
            if not following:
                return

    async def create(self, resource: Resource, body: JSONObject) -> JSONObject:
        """Creates the object; raises Conflict when one of that name exists."""
        namespace = body["metadata"].get("namespace")
        return await self._json("post", resource, resource.path(namespace), body=body)

    async def delete(self, resource: Resource, namespace: str | None, name: str, uid: str) -> None:
        """Deletes the object with that UID, its dependents first; nothing when it no longer exists."""
        body = {
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "propagationPolicy": "Foreground",
            "preconditions": {"uid": uid},
        }
        try:
            await self._request("delete", resource, resource.path(namespace, name), body=body)
        except (NotFound, Conflict):
            return

    async def write_status(self, resource: Resource, body: JSONObject) -> JSONObject:
        """Replaces the status; raises Conflict when the object changed since `body` was read."""
        metadata = body["metadata"]
        path = resource.path(metadata.get("namespace"), metadata["name"], "status")
        # The API server takes only the status from it; a spec may be large.
        sent = {name: value for name, value in body.items() if name != "spec"}
        return await self._json("put", resource, path, body=sent)

    async def replace(self, resource: Resource, body: JSONObject) -> JSONObject:
        """Replaces the object; raises Conflict when it changed since `body` was read."""
        metadata = body["metadata"]
        path = resource.path(metadata.get("namespace"), metadata["name"])
        return await self._json("put", resource, path, body=body)

    async def read_from_pod(
        self, namespace: str, pod: str, port: int, path: str, limit: int
    ) -> bytes:
        """Reads what a pod's HTTP server answers, through the API server; the caller bounds the time.

        The answer is the pod's, so that neither its body nor its error message is read without a
        limit. Raises ApiError when the status is not 2xx, and ValueError as `read_body` does.
        """
        url = f"{PODS.path(namespace, None)}/http:{pod}:{port}/proxy{path}"
        request = await self._api.param_serialize(
            "GET", url, header_params=dict(NO_COMPRESSION), auth_settings=["BearerToken"]
        )
        response = (await self._api.call_api(*request)).response
        try:
            API_REQUESTS.labels("get", "pods/proxy", str(response.status)).inc()
            if not 200 <= response.status <= 299:
                raise ApiError(response.status, f"GET {url}")
            return await read_body(response, limit)
        finally:
            response.close()


def _loads_page(text: bytes, keep: dict[str, Any]) -> Any:
    return loads_list(text, lambda item: select_fields(item, keep))


def _to_api_error(error: ApiException) -> ApiError:
    message = str(error.reason)
    body = error.body
    try:
        message = json.loads(body)["message"]
    except (TypeError, ValueError, KeyError):
        message = f"{message} {body!r}" if body else message
    headers = error.headers or {}
    after = headers.get("Retry-After")
    retry_after = float(after) if after and after.isdigit() else None
    kinds = {404: NotFound, 409: Conflict}
    return kinds.get(error.status, ApiError)(error.status or 0, message, retry_after)
