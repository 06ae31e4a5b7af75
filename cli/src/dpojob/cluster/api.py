"""Requests to the API server."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Self

import httpx2

from dpojob.errors import CommandError
from dpojob_api.base import JSONObject

from .api_errors import api_error
from .kubeconfig import ClusterAccess
from .resources import PODS, Resource

SECONDS = 30.0
"""Longest wait for an answer; watches and logs may stay silent longer."""
WATCH_SECONDS = 300
"""When the API server ends a watch, which is then begun anew."""
MERGE_PATCH = "application/merge-patch+json"
PAGE = 500
"""Objects of a list in one answer, as kubectl asks for them."""


class Api:
    """The API server, for `async with`.

    Attributes:
        access: How it is reached, and the namespace of requests that name none.
    """

    def __init__(self, access: ClusterAccess) -> None:
        self.access = access
        self._http = httpx2.AsyncClient(
            base_url=access.server,
            verify=access.tls if access.tls is not None else True,
            headers=dict(access.headers),
            proxy=access.proxy,
            timeout=SECONDS,
            trust_env=access.proxy is None,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._http.aclose()

    async def get(self, resource: Resource, name: str, namespace: str | None = None) -> JSONObject:
        """Reads one object.

        Args:
            resource: Its kind.
            name: Its name.
            namespace: Its namespace; None for that of the access.

        Returns:
            The object.

        Raises:
            ApiError: There is none, or the user may not read it.
            CommandError: The API server cannot be reached.
        """
        return await self._json("GET", self._path(resource, namespace, name))

    async def list_all(
        self,
        resource: Resource,
        namespace: str | None = None,
        *,
        everywhere: bool = False,
        **selectors: str,
    ) -> list[JSONObject]:
        """Reads all objects of a kind.

        Args:
            resource: Their kind.
            namespace: Their namespace; None for that of the access.
            everywhere: Those of all namespaces.
            **selectors: `labelSelector` and `fieldSelector`, as the API server takes them.

        Returns:
            The objects, in the API server's order.

        Raises:
            ApiError: The user may not read them.
            CommandError: The API server cannot be reached.
        """
        path = resource.path() if everywhere else self._path(resource, namespace)
        found: list[JSONObject] = []
        parameters = {**selectors, "limit": str(PAGE)}
        while True:
            page = await self._json("GET", path, parameters=parameters)
            found += page.get("items") or []
            token = page["metadata"].get("continue")
            if not token:
                return found
            parameters["continue"] = token

    async def create(
        self,
        resource: Resource,
        body: JSONObject,
        namespace: str | None = None,
        *,
        dry_run: bool = False,
    ) -> JSONObject:
        """Creates an object.

        Args:
            resource: Its kind.
            body: The object.
            namespace: Its namespace; None for that of the object, else of the access.
            dry_run: Have it checked and nothing stored.

        Returns:
            The object as it was stored.

        Raises:
            ApiError: It is refused.
            CommandError: The API server cannot be reached.
        """
        namespace = namespace or body.get("metadata", {}).get("namespace")
        parameters = {"fieldValidation": "Strict"} | ({"dryRun": "All"} if dry_run else {})
        return await self._json(
            "POST", self._path(resource, namespace), parameters=parameters, body=body
        )

    async def patch(
        self, resource: Resource, name: str, patch: JSONObject, namespace: str | None = None
    ) -> JSONObject:
        """Applies a JSON merge patch.

        Args:
            resource: The object's kind.
            name: Its name.
            patch: The patch.
            namespace: Its namespace; None for that of the access.

        Returns:
            The object as it was stored.

        Raises:
            ApiError: There is none, or the patch is refused.
            CommandError: The API server cannot be reached.
        """
        path = self._path(resource, namespace, name)
        return await self._json("PATCH", path, body=patch, content_type=MERGE_PATCH)

    async def delete(
        self,
        resource: Resource,
        name: str,
        namespace: str | None = None,
        *,
        grace_seconds: int | None = None,
    ) -> None:
        """Deletes an object; what belongs to it is deleted in the background.

        Args:
            resource: Its kind.
            name: Its name.
            namespace: Its namespace; None for that of the access.
            grace_seconds: How long a pod may take to end; None for its own setting.

        Raises:
            ApiError: There is none, or the user may not delete it.
            CommandError: The API server cannot be reached.
        """
        options: JSONObject = {"propagationPolicy": "Background"}
        if grace_seconds is not None:
            options["gracePeriodSeconds"] = grace_seconds
        await self._json("DELETE", self._path(resource, namespace, name), body=options)

    async def watch(
        self, resource: Resource, name: str, version: str, namespace: str | None = None
    ) -> AsyncIterator[JSONObject]:
        """Watches one object until the API server ends the watch.

        Args:
            resource: Its kind.
            name: Its name.
            version: The resource version after which changes are wanted.
            namespace: Its namespace; None for that of the access.

        Yields:
            `type` and `object` of each change.

        Raises:
            ApiError: The version is too old, or the user may not watch the object.
            CommandError: The connection broke.
        """
        parameters = {
            "watch": "true", "fieldSelector": f"metadata.name={name}", "resourceVersion": version,
            "timeoutSeconds": str(WATCH_SECONDS),
        }  # fmt: skip
        async with self._stream(self._path(resource, namespace), parameters) as answer:
            async for line in answer.aiter_lines():
                yield json.loads(line)

    async def log(
        self,
        pod: str,
        namespace: str | None = None,
        *,
        follow: bool = False,
        tail: int | None = None,
    ) -> AsyncIterator[str]:
        """Reads the log of a pod with one container.

        Args:
            pod: Its name.
            namespace: Its namespace; None for that of the access.
            follow: Stay, and read what comes.
            tail: Only the last lines, so many of them; None for all.

        Yields:
            The lines, without their ends.

        Raises:
            ApiError: There is no such pod, or its container has not started.
            CommandError: The API server cannot be reached.
        """
        parameters = {"follow": "true"} if follow else {}
        if tail is not None:
            parameters["tailLines"] = str(tail)
        path = f"{self._path(PODS, namespace, pod)}/log"
        async with self._stream(path, parameters) as answer:
            async for line in answer.aiter_lines():
                yield line

    def _path(self, resource: Resource, namespace: str | None, name: str | None = None) -> str:
        return resource.path(namespace or self.access.namespace, name)

    async def _json(
        self,
        method: str,
        path: str,
        *,
        parameters: Mapping[str, str] | None = None,
        body: JSONObject | None = None,
        content_type: str = "application/json",
    ) -> JSONObject:
        content = None if body is None else json.dumps(body)
        try:
            answer = await self._http.request(
                method, path, params=parameters, content=content,
                headers={"Content-Type": content_type, "Accept": "application/json"},
            )  # fmt: skip
        except httpx2.HTTPError as error:
            raise self._unreachable(error) from error
        if answer.is_error:
            raise api_error(answer.status_code, answer.content, path)
        value: JSONObject = answer.json()
        return value

    @asynccontextmanager
    async def _stream(
        self, path: str, parameters: Mapping[str, str]
    ) -> AsyncIterator[httpx2.Response]:
        timeout = httpx2.Timeout(SECONDS, read=None)
        try:
            async with self._http.stream("GET", path, params=parameters, timeout=timeout) as answer:
                if answer.is_error:
                    raise api_error(answer.status_code, await answer.aread(), path)
                yield answer
        except httpx2.HTTPError as error:
            raise self._unreachable(error) from error

    def _unreachable(self, error: httpx2.HTTPError) -> CommandError:
        detail = str(error) or type(error).__name__
        return CommandError(
            f"the API server {self.access.server} does not answer: {detail}", reason=None
        )
