"""Event handlers: they only record events in the indexes and add keys to the work queue."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

from dpojob_operator.decide.object_snapshots import RawObject
from dpojob_operator.indexes import DependentsIndex, InspectionCache, OutputLockIndex
from dpojob_operator.kube import Key, key_of, owning_dpojob


class Handlers:
    """Turns events into keys. An event may be lost, late, repeated or stale, so only its key is used."""

    def __init__(
        self,
        add: Callable[[Key], None],
        refresh_pools: Callable[[], None],
        dependents: DependentsIndex,
        inspections: InspectionCache,
        output_locks: OutputLockIndex,
        written: Mapping[Key, Collection[str]],
    ) -> None:
        self._add = add
        self._refresh_pools = refresh_pools
        self._dependents = dependents
        self._inspections = inspections
        self._output_locks = output_locks
        self._written = written

    def dpojob(self, kind: str | None, raw: RawObject) -> None:
        """A DPOJob was listed, created, changed or deleted."""
        key = key_of(raw)
        self._inspections.record(raw, deleted=kind == "DELETED")
        self._output_locks.record(raw, deleted=kind == "DELETED")
        for waiting in self._dependents.pop_dependents(key):
            self._add(waiting)
        if raw["metadata"].get("resourceVersion") not in self._written.get(key, ()):
            self._add(key)

    def child(self, raw: RawObject) -> None:
        """A Job or Pod of a DPOJob was created, changed or deleted."""
        key = owning_dpojob(raw)
        if key is not None:
            self._add(key)

    def pod(self, raw: RawObject) -> None:
        """A Pod of a DPOJob changed; it may also have taken or freed GPUs."""
        self.child(raw)
        self._refresh_pools()

    def pool(self) -> None:
        """A GPUPool was listed, created, changed or deleted."""
        self._refresh_pools()
        for key in tuple(self._dependents.waiting_for_pools):
            self._add(key)
