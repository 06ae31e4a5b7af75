"""What the watches do: put keys into the queue, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

from dpojob_operator.indexes.dependents_index import DependentsIndex, Key, job_of_child, key_of
from dpojob_operator.indexes.inspection_cache import InspectionCache
from dpojob_operator.indexes.output_lock_index import OutputLockIndex

Object = Mapping[str, Any]


class Handlers:
    """Turns events into keys. An event may be lost, late, doubled or stale: only its key counts."""

    def __init__(
        self,
        add: Callable[[Key], None],
        refresh_pools: Callable[[], None],
        hints: DependentsIndex,
        peers: InspectionCache,
        outputs: OutputLockIndex,
        written: Mapping[Key, Collection[str]],
    ) -> None:
        self._add = add
        self._refresh_pools = refresh_pools
        self._hints = hints
        self._peers = peers
        self._outputs = outputs
        self._written = written

    def dpojob(self, kind: str | None, raw: Object) -> None:
        """A DPOJob was listed, made, changed or deleted."""
        key = key_of(raw)
        self._peers.note(raw, deleted=kind == "DELETED")
        self._outputs.note(raw, deleted=kind == "DELETED")
        for waiting in self._hints.take(key):
            self._add(waiting)
        if raw["metadata"].get("resourceVersion") not in self._written.get(key, ()):
            self._add(key)

    def child(self, raw: Object) -> None:
        """A Job or Pod of ours was made, changed or deleted."""
        key = job_of_child(raw)
        if key is not None:
            self._add(key)

    def pod(self, raw: Object) -> None:
        """A Pod of ours: it may also take or free GPUs."""
        self.child(raw)
        self._refresh_pools()

    def pool(self) -> None:
        """A GPUPool was listed, made, changed or deleted."""
        self._refresh_pools()
        for key in tuple(self._hints.for_pools):
            self._add(key)
