"""Which jobs to reconcile when another object changes.

The index comes from reads and events and may be incomplete; the next resync finds what it misses.
"""

from __future__ import annotations

from collections import defaultdict

from dpojob_operator.kube import Key


class DependentsIndex:
    """Jobs by the object they wait for."""

    def __init__(self) -> None:
        self._for_job: defaultdict[Key, set[Key]] = defaultdict(set)
        self._waits_for: defaultdict[Key, set[Key]] = defaultdict(set)
        """The same by the job that waits, so that it is removed without a look at all others."""
        self.waiting_for_pools: set[Key] = set()
        """Jobs whose plan may still follow the pools."""
        self.waiting_for_room: set[Key] = set()
        """Those of them that take another pool once it has free GPUs."""

    def add_dependent(self, other: Key, key: Key) -> None:
        """Records that `key` waits for `other`.

        Call it before `other` is read, so that no later change is missed.
        """
        self._for_job[other].add(key)
        self._waits_for[key].add(other)

    def set_waiting(self, key: Key, *, for_pools: bool, for_room: bool) -> None:
        """Records whether the plan of a job may still follow the pools, and the free GPUs of all pools."""
        for keys, waits in ((self.waiting_for_pools, for_pools), (self.waiting_for_room, for_room)):
            if waits:
                keys.add(key)
            else:
                keys.discard(key)

    def remove(self, key: Key) -> None:
        """Removes a deleted job."""
        self.set_waiting(key, for_pools=False, for_room=False)
        for other in self._waits_for.pop(key, ()):
            _discard(self._for_job, other, key)

    def pop_dependents(self, key: Key) -> set[Key]:
        """Removes and returns the jobs that wait for this one.

        Their next reconciliation adds them again if they still wait.
        """
        waiting = self._for_job.pop(key, set())
        for one in waiting:
            _discard(self._waits_for, one, key)
        return waiting


def _discard(sets: dict[Key, set[Key]], of: Key, key: Key) -> None:
    """Removes `key` from the set of `of`, and the set once it is empty."""
    sets[of].discard(key)
    if not sets[of]:
        del sets[of]
