"""Keeps lists of the cluster's objects up to date, with the user's own rights."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass

from dpojob.cluster.api import Api
from dpojob.cluster.api_errors import FORBIDDEN, ApiError
from dpojob.cluster.resources import Resource
from dpojob.errors import CommandError
from dpojob_api.base import JSONObject

PAUSE_SECONDS = 0.5
"""Wait before a watch that ended is continued, so that one that always ends at once costs little."""
RETRY_SECONDS = 5.0
"""Wait before a list or a watch that failed is repeated."""
FORBIDDEN_RETRY_SECONDS = 60.0
"""The same where the user has no right to it."""


@dataclass(frozen=True)
class Watched:
    """Objects to watch.

    Attributes:
        resource: Their kind.
        namespace: Their namespace; None for all.
        replace: Called with all objects after a list.
        put: Called with an object that was added or changed.
        remove: Called with an object that was deleted.
        field_selector: Which of them; "" for all.
    """

    resource: Resource
    namespace: str | None
    replace: Callable[[list[JSONObject]], None]
    put: Callable[[JSONObject], None]
    remove: Callable[[JSONObject], None]
    field_selector: str = ""

    @property
    def key(self) -> str:
        """What identifies it."""
        return self.resource.path(self.namespace)

    @property
    def selectors(self) -> dict[str, str]:
        """The selectors of a list and a watch."""
        return {"fieldSelector": self.field_selector} if self.field_selector else {}


async def watch(
    api: Api,
    watched: Watched,
    on_change: Callable[[], None],
    on_problem: Callable[[str, str | None], None],
) -> None:
    """Keeps objects up to date until it is cancelled: lists, then watches, and begins again.

    Args:
        api: The API server.
        watched: What to watch, and what to do with it.
        on_change: Called after every change.
        on_problem: Called with the key and why it cannot be read; None once it can.
    """
    while True:
        try:
            items, version = await api.list_with_version(
                watched.resource, watched.namespace, everywhere=watched.namespace is None,
                **watched.selectors,
            )  # fmt: skip
            watched.replace(items)
            on_problem(watched.key, None)
            on_change()
            while version:
                version = await _follow(api, watched, version, on_change)
                await asyncio.sleep(PAUSE_SECONDS)
        except CommandError as error:
            on_problem(watched.key, str(error))
            on_change()
            forbidden = isinstance(error, ApiError) and error.status == FORBIDDEN
            await asyncio.sleep(FORBIDDEN_RETRY_SECONDS if forbidden else RETRY_SECONDS)


async def _follow(api: Api, watched: Watched, version: str, on_change: Callable[[], None]) -> str:
    """One watch to its end. Returns the version to continue from; "" where a new list is needed."""
    changes = api.watch(
        watched.resource, version, watched.namespace, everywhere=watched.namespace is None,
        **watched.selectors,
    )  # fmt: skip
    async with aclosing(changes):
        async for change in changes:
            kind, item = change["type"], change["object"]
            if kind == "ERROR":
                return ""
            if kind == "DELETED":
                watched.remove(item)
            elif kind != "BOOKMARK":
                watched.put(item)
            version = item["metadata"]["resourceVersion"]
            if kind != "BOOKMARK":
                on_change()
    return version
