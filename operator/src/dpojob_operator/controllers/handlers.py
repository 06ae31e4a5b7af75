"""Takes what lists and watches bring: into the stores, into the indexes, and as keys into the work queue."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from dpojob_api.pool import GPUPool
from dpojob_operator.decide.queueing import is_managed_elsewhere
from dpojob_operator.indexes import (
    DependentsIndex,
    InspectionCache,
    JobCosts,
    ObjectStores,
    OutputLockIndex,
)
from dpojob_operator.kube import Key, key_of, owning_dpojob
from dpojob_operator.kube.resources import COSTQUOTAS, DPOJOBS, GPUPOOLS, PODS

DELETED = "DELETED"


class Handlers:
    """Turns changes into keys; an event that changes nothing that decisions read queues nothing.

    An event may be lost, late, repeated or stale: the stores compare versions, and the resync finds what
    was lost.
    """

    def __init__(
        self,
        add: Callable[[Key], None],
        add_later: Callable[[Key], None],
        refresh_pools: Callable[[], None],
        stores: ObjectStores,
        dependents: DependentsIndex,
        inspections: InspectionCache,
        output_locks: OutputLockIndex,
        job_costs: JobCosts,
        refresh_quotas: Callable[[str, float], None],
    ) -> None:
        """Keeps what is given.

        Args:
            add: Takes the key of a DPOJob that changed.
            add_later: Takes the key of a DPOJob of which a child or a pool changed.
            refresh_pools: Updates all GPUPools soon.
            stores: The stores of all watched objects.
            dependents: Jobs by the object they wait for.
            inspections: The inspections of all jobs.
            output_locks: The output directories of all jobs.
            job_costs: The costs of all jobs.
            refresh_quotas: Updates the CostQuotas of a namespace after a delay in seconds.
        """
        self._add = add
        self._add_later = add_later
        self._refresh_pools = refresh_pools
        self._stores = stores
        self._dependents = dependents
        self._inspections = inspections
        self._output_locks = output_locks
        self._job_costs = job_costs
        self._refresh_quotas = refresh_quotas
        self._versions: dict[str, str] = {}
        """The resourceVersion of the last list of each collection, by path."""

    def take_object(self, path: str, event: str, raw: Mapping[str, Any]) -> None:
        """An object was listed, created, changed or deleted; `path` is that of its collection."""
        plural = path.rpartition("/")[2]
        store, key = self._stores.of(plural), key_of(raw)
        deleted = event == DELETED
        pool = self._stores.pools.get(key)
        changed = store.remove(key, raw["metadata"]["uid"]) if deleted else store.apply(raw)
        if plural == DPOJOBS.plural:
            if is_managed_elsewhere(raw):
                changed = False
            else:
                self._inspections.record(raw, deleted=deleted)
                self._output_locks.record(raw, deleted=deleted)
                delay = self._job_costs.record(raw, deleted=deleted)
                if delay is not None:
                    self._refresh_quotas(key[0], delay)
            # Even if nothing changed: a status that this process wrote is already in the store when its event comes.
            self._queue_dependents(key)
        if changed and plural == GPUPOOLS.plural and _same_spec(pool, self._stores.pools.get(key)):
            self._refresh_pools()  # jobs that depend on free GPUs are queued by what counts them
        elif changed:
            self._queue(plural, key, owning_dpojob(raw))

    def take_list(self, path: str, uids: frozenset[str], version: str) -> None:
        """All objects of a collection were listed: what the list lacks is gone."""
        collection, _, plural = path.rpartition("/")
        namespace = collection.partition("/namespaces/")[2]
        store = self._stores.of(plural)
        self._versions[path] = version
        if plural == DPOJOBS.plural:
            for changed in self._job_costs.retain(namespace or None, uids, int(version or 0)):
                self._refresh_quotas(changed, 0.0)
        for key, owner in store.retain(namespace or None, uids, int(version or 0)):
            if plural == DPOJOBS.plural:
                self._queue_dependents(key)
            self._queue(plural, key, owner)

    def pop_listed_version(self, path: str) -> str | None:
        """Gives the resourceVersion of the last list of a collection, and forgets it."""
        return self._versions.pop(path, None)

    def _queue(self, plural: str, key: Key, owner: Key | None) -> None:
        if plural == DPOJOBS.plural:
            self._add(key)
        elif plural == GPUPOOLS.plural:
            self._refresh_pools()
            for waiting in tuple(self._dependents.waiting_for_pools):
                self._add_later(waiting)
        elif plural == COSTQUOTAS.plural:
            self._refresh_quotas(key[0], 0.0)
        elif owner is not None:
            self._add_later(owner)
        if plural == PODS.plural:
            self._refresh_pools()  # it may have taken or freed GPUs

    def _queue_dependents(self, key: Key) -> None:
        for waiting in self._dependents.pop_dependents(key):
            self._add(waiting)


def _same_spec(before: GPUPool | None, after: GPUPool | None) -> bool:
    """Whether nothing changed that plans of waiting jobs follow."""
    return before is not None and after is not None and before.spec == after.spec
