"""Requests to the API server."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from types import TracebackType
from typing import TYPE_CHECKING, Self

from .connection import Connection, parse_json
from .kubeconfig import ClusterAccess
from .resources import PODS, Resource

if TYPE_CHECKING:
    from dpojob_api.base import JSONObject

WATCH_SECONDS = 300
"""When the API server ends a watch, which is then begun anew."""
WATCH_SILENCE_SECONDS = WATCH_SECONDS + 30.0
"""When a watch that the API server has not ended counts as broken."""
MERGE_PATCH = "application/merge-patch+json"
PAGE = 500
"""Objects of a list in one answer, as kubectl asks for them."""


class Api:
    """The API server, for `async with`."""

    def __init__(self, load: Callable[[], ClusterAccess]) -> None:
        """Reads the user's credentials; nothing is sent yet.

        Args:
            load: Finds the cluster and the credentials; called again where these have expired.
        """
        self._connection = Connection(load)

    @property
    def access(self) -> ClusterAccess:
        """How the API server is reached, and the namespace of requests that name none."""
        return self._connection.access

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._connection.close()

    async def get(self, resource: Resource, name: str, namespace: str | None = None) -> JSONObject:
        """Reads one object.

        Args:
            resource: Its kind.
            name: Its name.
            namespace: Its namespace; None for the default, `access.namespace`.

        Returns:
            The object.

        Raises:
            ApiError: There is none, or the user may not read it.
            CommandError: The API server cannot be reached.
        """
        return await self._connection.json("GET", self._path(resource, namespace, name))

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
            namespace: Their namespace; None for the default, `access.namespace`.
            everywhere: Those of all namespaces.
            **selectors: `labelSelector` and `fieldSelector`, as the API server takes them.

        Returns:
            The objects, in the API server's order.

        Raises:
            ApiError: The user may not read them.
            CommandError: The API server cannot be reached.
        """
        items, _ = await self.list_with_version(
            resource, namespace, everywhere=everywhere, **selectors
        )
        return items

    async def list_with_version(
        self,
        resource: Resource,
        namespace: str | None = None,
        *,
        everywhere: bool = False,
        **selectors: str,
    ) -> tuple[list[JSONObject], str]:
        """Reads all objects of a kind, to be watched from there on.

        Args:
            resource: Their kind.
            namespace: Their namespace; None for the default, `access.namespace`.
            everywhere: Those of all namespaces.
            **selectors: `labelSelector` and `fieldSelector`, as the API server takes them.

        Returns:
            The objects, in the API server's order, and the resource version of the list.

        Raises:
            ApiError: The user may not read them.
            CommandError: The API server cannot be reached.
        """
        path = self._path(resource, namespace, everywhere=everywhere)
        found: list[JSONObject] = []
        parameters = {**selectors, "limit": str(PAGE)}
        while True:
            page = await self._connection.json("GET", path, parameters=parameters)
            found += page.get("items") or []
            token = page["metadata"].get("continue")
            if not token:
                return found, str(page["metadata"].get("resourceVersion", ""))
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
            namespace: Its namespace; None for the namespace that the object names, else `access.namespace`.
            dry_run: Have it checked and nothing stored.

        Returns:
            The object as it was stored.

        Raises:
            ApiError: It is refused.
            CommandError: The API server cannot be reached.
        """
        namespace = namespace or body.get("metadata", {}).get("namespace")
        parameters = {"fieldValidation": "Strict"} | ({"dryRun": "All"} if dry_run else {})
        return await self._connection.json(
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
            namespace: Its namespace; None for the default, `access.namespace`.

        Returns:
            The object as it was stored.

        Raises:
            ApiError: There is none, or the patch is refused.
            CommandError: The API server cannot be reached.
        """
        path = self._path(resource, namespace, name)
        return await self._connection.json("PATCH", path, body=patch, content_type=MERGE_PATCH)

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
            namespace: Its namespace; None for the default, `access.namespace`.
            grace_seconds: How long a pod may take to end; None for its own setting.

        Raises:
            ApiError: There is none, or the user may not delete it.
            CommandError: The API server cannot be reached.
        """
        options: JSONObject = {"propagationPolicy": "Background"}
        if grace_seconds is not None:
            options["gracePeriodSeconds"] = grace_seconds
        await self._connection.json("DELETE", self._path(resource, namespace, name), body=options)

    async def watch(
        self,
        resource: Resource,
        version: str,
        namespace: str | None = None,
        *,
        everywhere: bool = False,
        **selectors: str,
    ) -> AsyncGenerator[JSONObject]:
        """Watches objects until the API server ends the watch.

        Args:
            resource: Their kind.
            version: The resource version after which changes are wanted.
            namespace: Their namespace; None for the default, `access.namespace`.
            everywhere: Those of all namespaces.
            **selectors: As of a list.

        Yields:
            `type` and `object` of each change; bookmarks are among them, and an ERROR with a Status.

        Raises:
            ApiError: The version is too old, or the user may not watch the objects.
            CommandError: The connection broke.
        """
        parameters = {
            **selectors, "watch": "true", "resourceVersion": version, "allowWatchBookmarks": "true",
            "timeoutSeconds": str(WATCH_SECONDS),
        }  # fmt: skip
        path = self._path(resource, namespace, everywhere=everywhere)
        received = self._connection.lines(path, parameters, silence=WATCH_SILENCE_SECONDS)
        async with aclosing(received) as lines:
            async for line in lines:
                yield parse_json(line)

    async def log(
        self,
        pod: str,
        namespace: str | None = None,
        *,
        follow: bool = False,
        tail: int | None = None,
        limit: int | None = None,
    ) -> AsyncGenerator[bytes]:
        """Reads the log of a pod with one container.

        Args:
            pod: Its name.
            namespace: Its namespace; None for the default, `access.namespace`.
            follow: Keep the connection open, and read further lines.
            tail: The number of last lines to read; None for all.
            limit: The most bytes to read; None for all.

        Yields:
            The lines, without their ends.

        Raises:
            ApiError: There is no such pod, or its container has not started.
            CommandError: The API server cannot be reached.
        """
        parameters = {"follow": "true"} if follow else {}
        if tail is not None:
            parameters["tailLines"] = str(tail)
        if limit is not None:
            parameters["limitBytes"] = str(limit)
        path = f"{self._path(PODS, namespace, pod)}/log"
        async with aclosing(self._connection.lines(path, parameters)) as lines:
            async for line in lines:
                yield line

    def _path(
        self,
        resource: Resource,
        namespace: str | None,
        name: str | None = None,
        *,
        everywhere: bool = False,
    ) -> str:
        return resource.path(None if everywhere else namespace or self.access.namespace, name)
