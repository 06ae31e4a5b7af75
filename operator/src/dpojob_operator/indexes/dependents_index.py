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
        self.waiting_for_pools: set[Key] = set()
        """Jobs whose plan may still follow the pools."""

    def add_dependent(self, other: Key, key: Key) -> None:
        """Records that `key` waits for `other`.

        Call it before `other` is read, so that no later change is missed.
        """
        self._for_job[other].add(key)

    def remove(self, key: Key) -> None:
        """Removes a deleted job."""
        self.waiting_for_pools.discard(key)
        for other in [other for other, waiting in self._for_job.items() if key in waiting]:
            self._for_job[other].discard(key)
            if not self._for_job[other]:
                del self._for_job[other]

    def pop_dependents(self, key: Key) -> set[Key]:
        """Removes and returns the jobs that wait for this one.

        Their next reconciliation adds them again if they still wait.
        """
        return self._for_job.pop(key, set())
