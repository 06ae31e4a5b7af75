"""Decides what of the cluster is watched, and keeps the store up to date."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager

from dpojob.kubectl import Kubectl
from dpojob_api.base import JSONObject

from .cluster_watch import RETRY_SECONDS, RequestError, Requests, Watched, watch
from .job_store import JobStore
from .log_follower import LogFollower

JOBS = "/apis/dpojob.dev/v1alpha1"
POOLS = "/apis/dpojob.dev/v1alpha1/gpupools?"
EVENTS = "/api/v1"
EVENTS_QUERY = "fieldSelector=involvedObject.kind%3DDPOJob"


class ClusterFeed:
    """Watches jobs, pools and events for a store.

    Attributes:
        scope: Namespaces that are shown; None for all.
    """

    def __init__(self, kubectl: Kubectl, namespaces: Sequence[str], store: JobStore) -> None:
        self._kubectl = kubectl
        self._requests = Requests(kubectl)
        self._namespaces = list(dict.fromkeys(namespaces))
        self._store = store
        self._logs = LogFollower(self._requests, store)
        self.scope: list[str] | None = self._namespaces or None

    async def run(self) -> None:
        """Watches until it is cancelled."""
        self.scope = self._namespaces or await self._readable_namespaces()
        self._note_problem(JOBS, None)
        watched = [
            Watched(POOLS, self._replace_pools, self._store.put_pool, self._store.remove_pool)
        ]
        namespaces: Sequence[str | None] = self.scope or [None]
        for namespace in namespaces:
            watched += [self.jobs(namespace), self._events(namespace)]
        async with asyncio.TaskGroup() as tasks:
            for each in watched:
                tasks.create_task(
                    watch(self._requests, each, self._store.notify, self._note_problem)
                )

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
                await self._requests.read("get", "--raw", f"{JOBS}/dpojobs?limit=1")
                return None
            except RequestError as error:
                if error.forbidden:
                    break
                self._note_problem(JOBS, str(error))
                self._store.notify()
                await asyncio.sleep(RETRY_SECONDS)
        config = await self._requests.read("config", "view", "-o", "json")
        return context_namespaces(config, self._kubectl.context)

    def jobs(self, namespace: str | None) -> Watched:
        """Describes how jobs are kept.

        Args:
            namespace: Namespace of the jobs; None for all.

        Returns:
            What to watch, and what to do with it.
        """
        path = f"{JOBS}{_within(namespace)}/dpojobs?"
        store = self._store

        def replace(items: list[JSONObject]) -> None:
            present = {(_text(item, "namespace"), _text(item, "name")) for item in items}
            for key, job in list(store.jobs.items()):
                if key not in present and namespace in (None, key[0]):
                    store.remove_job({"metadata": job.metadata})
            _put_all(items, store.put_job)
            store.loaded.add(path)

        return Watched(path, replace, store.put_job, store.remove_job)

    def _events(self, namespace: str | None) -> Watched:
        def replace(items: list[JSONObject]) -> None:
            _put_all(items, self._store.put_event)

        path = f"{EVENTS}{_within(namespace)}/events?{EVENTS_QUERY}"
        return Watched(path, replace, self._store.put_event, self._store.remove_event)

    def _replace_pools(self, items: list[JSONObject]) -> None:
        self._store.pools.clear()
        _put_all(items, self._store.put_pool)

    def _note_problem(self, path: str, problem: str | None) -> None:
        if problem is None:
            self._store.problems.pop(path, None)
        else:
            self._store.problems[path] = problem


def context_namespaces(config: JSONObject, context: str | None) -> list[str]:
    """Finds the namespaces that a kubeconfig names for one cluster and user.

    Args:
        config: The kubeconfig.
        context: The context to use; None for the current one.

    Returns:
        The context's own namespace first, then those of contexts with the same cluster and user.
    """
    contexts = {
        str(each.get("name", "")): each.get("context") or {}
        for each in config.get("contexts") or []
    }
    own = contexts.get(context or str(config.get("current-context", "")), {})
    found = [own.get("namespace") or "default"]
    for other in contexts.values():
        if (other.get("cluster"), other.get("user")) == (own.get("cluster"), own.get("user")):
            found.append(other.get("namespace") or "default")
    return list(dict.fromkeys(found))


def _within(namespace: str | None) -> str:
    return "" if namespace is None else f"/namespaces/{namespace}"


def _put_all(items: Iterable[JSONObject], put: Callable[[JSONObject], None]) -> None:
    for item in items:
        put(item)


def _text(item: JSONObject, name: str) -> str:
    return str((item.get("metadata") or {}).get(name, ""))
