"""Which jobs to reconcile when another object changes.

The index comes from reads and events and may be incomplete; the next resync finds what it misses.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from dpojob_api.conditions import ConditionType
from dpojob_api.constants import LABEL_JOB_NAME, LABEL_MANAGED_BY, MANAGED_BY

Key = tuple[str, str]
Object = Mapping[str, Any]


def key_of(raw: Object) -> Key:
    """Namespace and name of an object."""
    return raw["metadata"]["namespace"], raw["metadata"]["name"]


def owning_dpojob(raw: Object) -> Key | None:
    """The DPOJob of a Job or Pod the operator created; its name fits a label (63 characters)."""
    metadata = raw["metadata"]
    labels = metadata.get("labels") or {}
    name = labels.get(LABEL_JOB_NAME)
    if labels.get(LABEL_MANAGED_BY) != MANAGED_BY or not name:
        return None
    return metadata["namespace"], name


def is_settled(raw: Object) -> bool:
    """Whether a listed DPOJob has ended and nothing about it is left to do."""
    metadata, status = raw["metadata"], raw.get("status") or {}
    finished = any(
        c.get("type") == ConditionType.FINISHED and c.get("status") == "True"
        for c in status.get("conditions") or []
    )
    ttl = (raw.get("spec") or {}).get("ttlSecondsAfterFinished")
    current = status.get("observedGeneration") == metadata.get("generation")
    return finished and current and ttl is None


class DependentsIndex:
    """Jobs by the object they wait for."""

    def __init__(self) -> None:
        self._for_job: defaultdict[Key, set[Key]] = defaultdict(set)
        self.waiting_for_pools: set[Key] = set()
        """Jobs whose plan may still follow the pools."""

    def add_dependent(self, other: Key, key: Key) -> None:
        """Records that `key` waits for `other`; call it before `other` is read, so that no later change
        is missed."""
        self._for_job[other].add(key)

    def remove(self, key: Key) -> None:
        """Removes a deleted job."""
        self.waiting_for_pools.discard(key)
        for other in [other for other, waiting in self._for_job.items() if key in waiting]:
            self._for_job[other].discard(key)
            if not self._for_job[other]:
                del self._for_job[other]

    def pop_dependents(self, key: Key) -> set[Key]:
        """Removes and returns the jobs that wait for this one; they are added again if they still wait."""
        return self._for_job.pop(key, set())
