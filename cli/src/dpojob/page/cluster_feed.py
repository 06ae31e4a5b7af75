"""Decides what of the cluster is watched, and keeps the store up to date."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager

from dpojob.cluster.access_review import may_list_everywhere
from dpojob.cluster.api import Api
from dpojob.cluster.kubeconfig import user_namespaces
from dpojob.cluster.resources import DPOJOBS, EVENTS, POOLS
from dpojob.errors import CommandError
from dpojob_api.base import JSONObject

from .cluster_watch import RETRY_SECONDS, Watched, watch
from .job_store import JobStore
from .log_follower import LogFollower

JOB_EVENTS = "involvedObject.kind=DPOJob"
"""The field selector of Events about jobs."""


class ClusterFeed:
    """Watches jobs, pools and events for a store.

    Attributes:
        scope: Namespaces that are shown; None for all.
    """

    def __init__(
        self, api: Api, context: str | None, namespaces: Sequence[str], store: JobStore
    ) -> None:
        """Reads nothing yet.

        Args:
            api: The API server.
            context: The context of the kubeconfig that it was found with; None for the current one.
            namespaces: The namespaces to show; none for all that the user may read.
            store: What is kept up to date.
        """
        self._api = api
        self._context = context
        self._namespaces = list(dict.fromkeys(namespaces))
        self._store = store
        self._logs = LogFollower(api, store)
        self.scope: list[str] | None = self._namespaces or None

    async def run(self) -> None:
        """Watches until it is cancelled."""
        self.scope = self._namespaces or await self._readable_namespaces()
        self._note_problem(DPOJOBS.path(), None)
        pools = Watched(
            POOLS, None, self._replace_pools, self._store.put_pool, self._store.remove_pool
        )
        watched = [pools]
        namespaces: Sequence[str | None] = self.scope or [None]
        for namespace in namespaces:
            watched += [self.jobs(namespace), self._events(namespace)]
        async with asyncio.TaskGroup() as tasks:
            for each in watched:
                tasks.create_task(watch(self._api, each, self._store.notify, self._note_problem))

    def following(self, keys: Sequence[tuple[str, str]]) -> AbstractAsyncContextManager[None]:
        """Follows the logs of the training pods of jobs while the context is open.

        Args:
            keys: Namespaces and names of the jobs.

        Returns:
            The context.
        """
        return self._logs.following(keys)

    async def _readable_namespaces(self) -> list[str] | None:
        """None where the user may list jobs of all namespaces, else those of the kubeconfig."""
        while True:
            try:
                everywhere = await may_list_everywhere(self._api, DPOJOBS)
                break
            except CommandError as error:
                self._note_problem(DPOJOBS.path(), str(error))
                self._store.notify()
                await asyncio.sleep(RETRY_SECONDS)
        if everywhere:
            return None
        return user_namespaces(self._context) or [self._api.access.namespace]

    def jobs(self, namespace: str | None) -> Watched:
        """Describes how jobs are kept.

        Args:
            namespace: Namespace of the jobs; None for all.

        Returns:
            What to watch, and what to do with it.
        """
        store = self._store

        def replace(items: list[JSONObject]) -> None:
            present = {(_text(item, "namespace"), _text(item, "name")) for item in items}
            for key, job in list(store.jobs.items()):
                if key not in present and namespace in (None, key[0]):
                    store.remove_job({"metadata": job.metadata})
            _put_all(items, store.put_job)
            store.loaded.add(DPOJOBS.path(namespace))

        return Watched(DPOJOBS, namespace, replace, store.put_job, store.remove_job)

    def _events(self, namespace: str | None) -> Watched:
        store = self._store

        def replace(items: list[JSONObject]) -> None:
            _put_all(items, store.put_event)

        return Watched(EVENTS, namespace, replace, store.put_event, store.remove_event, JOB_EVENTS)

    def _replace_pools(self, items: list[JSONObject]) -> None:
        self._store.pools.clear()
        _put_all(items, self._store.put_pool)

    def _note_problem(self, key: str, problem: str | None) -> None:
        if problem is None:
            self._store.problems.pop(key, None)
        else:
            self._store.problems[key] = problem


def _put_all(items: Iterable[JSONObject], put: Callable[[JSONObject], None]) -> None:
    for item in items:
        put(item)


def _text(item: JSONObject, name: str) -> str:
    return str((item.get("metadata") or {}).get(name, ""))
