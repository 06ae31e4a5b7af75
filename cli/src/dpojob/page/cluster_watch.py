"""Lists and watches the cluster's objects through the user's kubectl, with the user's own rights.

`kubectl get --raw` sends a request as it stands, with whatever the kubeconfig says about credentials,
proxies and certificates. A watch is one process that prints a line for each change.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass

from dpojob.kubectl import Kubectl
from dpojob_api.base import JSONObject

PAGE_SIZE = 100
"""Objects of one response of a list."""
WATCH_SECONDS = 300
"""The API server ends a watch after this time; it is then continued."""
PAUSE_SECONDS = 0.5
"""Wait before a watch that ended is continued, so that one that always ends at once costs little."""
RETRY_SECONDS = 5.0
"""Wait before a list or a watch that failed is repeated."""
FORBIDDEN_RETRY_SECONDS = 60.0
"""The same where the user has no right to it."""
MAX_LINE = 16 * 2**20
"""Bytes of one object; the API server stores at most 1.5 MiB."""


class RequestError(Exception):
    """A request that failed; the message is kubectl's."""

    @property
    def forbidden(self) -> bool:
        """Whether the user has no right to it."""
        return "(Forbidden)" in str(self)


class Requests:
    """Requests to the API server, each a kubectl process."""

    def __init__(self, kubectl: Kubectl) -> None:
        self._kubectl = kubectl

    async def read(self, *arguments: str) -> JSONObject:
        """Runs kubectl for one JSON object.

        Args:
            *arguments: kubectl's arguments.

        Returns:
            The object.

        Raises:
            RequestError: kubectl failed, or printed something else.
        """
        process = await asyncio.create_subprocess_exec(
            *self._kubectl.command(*arguments),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            output, errors = await process.communicate()
        finally:
            await _end(process)
        if process.returncode != 0:
            raise RequestError(errors.decode(errors="replace").strip() or "kubectl failed")
        try:
            value = json.loads(output)
        except ValueError as error:
            raise RequestError("kubectl printed no JSON") from error
        if not isinstance(value, dict):
            raise RequestError("kubectl printed no JSON object")
        return value

    async def lines(self, *arguments: str) -> AsyncGenerator[bytes]:
        """Runs kubectl for lines that come one by one.

        Args:
            *arguments: kubectl's arguments.

        Yields:
            Lines, without the end of line.

        Raises:
            RequestError: kubectl failed, or a line is longer than MAX_LINE.
        """
        process = await asyncio.create_subprocess_exec(
            *self._kubectl.command(*arguments),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            limit=MAX_LINE,
        )
        assert process.stdout is not None and process.stderr is not None
        try:
            async for line in process.stdout:
                yield line.rstrip(b"\n")
            errors = await process.stderr.read(65536)
            if await process.wait() != 0:
                raise RequestError(errors.decode(errors="replace").strip() or "kubectl failed")
        except ValueError as error:
            raise RequestError("a line is too long") from error
        finally:
            await _end(process)

    async def list(self, path: str) -> tuple[list[JSONObject], str]:
        """Lists objects, page by page.

        Args:
            path: The resource's path, with a query that begins with "?".

        Returns:
            The objects, and the resourceVersion from which a watch continues.

        Raises:
            RequestError: The request failed.
        """
        items: list[JSONObject] = []
        proceed = ""
        while True:
            answer = await self.read("get", "--raw", f"{path}&limit={PAGE_SIZE}{proceed}")
            metadata = answer.get("metadata") or {}
            items += [item for item in answer.get("items") or [] if isinstance(item, dict)]
            if not metadata.get("continue"):
                return items, str(metadata.get("resourceVersion", ""))
            proceed = f"&continue={metadata['continue']}"


@dataclass(frozen=True)
class Watched:
    """One kind of object to watch.

    Attributes:
        path: The resource's path, with a query that begins with "?".
        replace: Called with all objects after a list.
        put: Called with an object that was added or changed.
        remove: Called with an object that was deleted.
    """

    path: str
    replace: Callable[[list[JSONObject]], None]
    put: Callable[[JSONObject], None]
    remove: Callable[[JSONObject], None]


async def watch(
    requests: Requests,
    watched: Watched,
    on_change: Callable[[], None],
    on_problem: Callable[[str, str | None], None],
) -> None:
    """Keeps a kind of object up to date until it is cancelled: lists, then watches, and begins again.

    Args:
        requests: Requests to the API server.
        watched: What to watch, and what to do with it.
        on_change: Called after every change.
        on_problem: Called with the path and why it cannot be read; None once it can.
    """
    while True:
        try:
            items, version = await requests.list(watched.path)
            watched.replace(items)
            on_problem(watched.path, None)
            on_change()
            while version:
                version = await _follow(requests, watched, version, on_change)
                await asyncio.sleep(PAUSE_SECONDS)
        except RequestError as error:
            on_problem(watched.path, str(error))
            on_change()
            await asyncio.sleep(FORBIDDEN_RETRY_SECONDS if error.forbidden else RETRY_SECONDS)


async def _follow(
    requests: Requests, watched: Watched, version: str, on_change: Callable[[], None]
) -> str:
    """One watch to its end. Returns the version to continue from; "" where a new list is needed."""
    query = f"&watch=1&allowWatchBookmarks=true&timeoutSeconds={WATCH_SECONDS}"
    path = f"{watched.path}{query}&resourceVersion={version}"
    async with aclosing(requests.lines("get", "--raw", path)) as lines:
        async for line in lines:
            try:
                event = json.loads(line)
                kind, item = event["type"], event["object"]
                seen = str(item["metadata"]["resourceVersion"])
            except (ValueError, KeyError, TypeError):
                return ""  # An ERROR, such as 410 Gone: its Status has no version.
            if kind in ("ADDED", "MODIFIED"):
                watched.put(item)
            elif kind == "DELETED":
                watched.remove(item)
            elif kind == "ERROR":
                return ""
            version = seen
            if kind != "BOOKMARK":
                on_change()
    return version


async def _end(process: asyncio.subprocess.Process) -> None:
    """Ends a process that may still run."""
    if process.returncode is None:
        try:
            process.kill()
        except ProcessLookupError:
            return
        await process.wait()
