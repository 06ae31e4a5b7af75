"""Every version of every object of a run, as watches directly at the API server show them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from tests.kit.api.client import AsyncApi
from tests.kit.api.paths import ALL_COST_QUOTAS, ALL_DPOJOBS

from dpojob_api.base import JSONObject
from dpojob_api.constants import LABEL_MANAGED_BY, MANAGED_BY

Subscriber = Callable[[str, str, JSONObject], None]
"""Called with the collection, the type of the event and the object."""
WATCHED: dict[str, tuple[str, dict[str, str]]] = {
    "dpojobs": (ALL_DPOJOBS, {}),
    "costquotas": (ALL_COST_QUOTAS, {}),
    "jobs": ("/apis/batch/v1/jobs", {LABEL_MANAGED_BY: MANAGED_BY}),
    "pods": ("/api/v1/pods", {LABEL_MANAGED_BY: MANAGED_BY}),
}


class ClusterWatcher:
    """Watches over all namespaces, handed out to the runs by namespace."""

    def __init__(self, api: AsyncApi) -> None:
        self._api = api
        self._subscribers: dict[str, Subscriber] = {}
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Watches until stopped."""
        for name, (path, labels) in WATCHED.items():
            self._tasks.append(asyncio.create_task(self._watch(name, path, labels)))

    def stop(self) -> None:
        """Watches no more."""
        for task in self._tasks:
            task.cancel()

    def subscribe(self, namespace: str, subscriber: Subscriber) -> None:
        """Everything that happens in that namespace from now on."""
        self._subscribers[namespace] = subscriber

    def unsubscribe(self, namespace: str) -> None:
        """The run is over."""
        self._subscribers.pop(namespace, None)

    def check(self) -> None:
        """Raises what ended a watch."""
        for task in self._tasks:
            if task.done():
                task.result()

    async def _watch(self, name: str, path: str, labels: dict[str, str]) -> None:
        async for kind, item in self._api.watch(path, labels):
            subscriber = self._subscribers.get(item["metadata"]["namespace"])
            if subscriber is not None:
                subscriber(name, kind, item)


class History:
    """One run's objects, in every version the API server had."""

    def __init__(self) -> None:
        self.versions: dict[str, list[JSONObject]] = {collection: [] for collection in WATCHED}
        """In order, by collection."""
        self.gone: set[str] = set()
        """UIDs that were deleted."""
        self.changed = asyncio.Event()
        self.last_change = 0.0
        """When anything last changed, on the monotonic clock."""

    @property
    def count(self) -> int:
        """How many versions of all objects there were."""
        return sum(map(len, self.versions.values()))

    def observe(self, collection: str, kind: str, item: JSONObject) -> None:
        """One event."""
        self.versions[collection].append(item)
        if kind == "DELETED":
            self.gone.add(item["metadata"]["uid"])
        self.last_change = time.monotonic()
        self.changed.set()

    def newest(self, collection: str) -> list[JSONObject]:
        """What exists now."""
        last = {item["metadata"]["uid"]: item for item in self.versions[collection]}
        return [item for uid, item in last.items() if uid not in self.gone]

    def by_uid(self, collection: str) -> dict[str, list[JSONObject]]:
        """All versions of each object, in order."""
        found: dict[str, list[JSONObject]] = {}
        for item in self.versions[collection]:
            found.setdefault(item["metadata"]["uid"], []).append(item)
        return found
