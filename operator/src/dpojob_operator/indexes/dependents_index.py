"""Which jobs to look at again when something else changes. Hints only: whoever is forgotten here is
found by the next resync."""

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


def job_of_child(raw: Object) -> Key | None:
    """The DPOJob that a Job or Pod of ours belongs to; its name fits a label (63 characters)."""
    metadata = raw["metadata"]
    labels = metadata.get("labels") or {}
    name = labels.get(LABEL_JOB_NAME)
    if labels.get(LABEL_MANAGED_BY) != MANAGED_BY or not name:
        return None
    return metadata["namespace"], name


def settled(raw: Object) -> bool:
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
    """Who waits for what."""

    def __init__(self) -> None:
        self._for_job: defaultdict[Key, set[Key]] = defaultdict(set)
        self.for_pools: set[Key] = set()
        """Jobs whose plan may still follow the pools."""

    def wait_for(self, other: Key, key: Key) -> None:
        """`key` waits for `other` to change. To be said before `other` is read: what changes after
        the reading is then not missed."""
        self._for_job[other].add(key)

    def forget(self, key: Key) -> None:
        """`key` is gone, and waits for nothing."""
        self.for_pools.discard(key)
        for other in [other for other, waiting in self._for_job.items() if key in waiting]:
            self._for_job[other].discard(key)
            if not self._for_job[other]:
                del self._for_job[other]

    def take(self, key: Key) -> set[Key]:
        """Jobs that wait for this one; they say so again if they still do."""
        return self._for_job.pop(key, set())
