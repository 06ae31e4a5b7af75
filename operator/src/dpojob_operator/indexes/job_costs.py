"""What DPOJobs cost, by namespace, as the watch shows them: what CostQuotas are counted from."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from dpojob_operator.decide.cost_quota import JobCost, read_job_cost
from dpojob_operator.kube import Key, ObjectStore

READING_DELAY = 1.0
"""Seconds in which readings of a namespace's running jobs become one write of its quotas."""


def _namespace(raw: Mapping[str, Any]) -> Key:
    return raw["metadata"]["namespace"], ""


class JobCosts:
    """The newest cost of each DPOJob, and the last one of those that were deleted."""

    def __init__(self) -> None:
        self._store: ObjectStore[JobCost] = ObjectStore(read_job_cost, _namespace)
        self._deleted: dict[str, dict[str, JobCost]] = {}
        """By namespace and UID, until the quotas have counted them."""

    def record(self, raw: Mapping[str, Any], *, deleted: bool) -> float | None:
        """Takes a DPOJob of a list or a watch.

        Args:
            raw: The object, with its whole metadata.
            deleted: Whether it no longer exists.

        Returns:
            Seconds after which its namespace's quotas are to be updated; None when nothing changed.
        """
        metadata = raw["metadata"]
        key: Key = (metadata["namespace"], metadata["name"])
        known = self._store.get(key)
        if deleted:
            cost = read_job_cost(raw)
            self._store.remove(key, metadata["uid"])
            self._deleted.setdefault(key[0], {})[cost.uid] = cost
            return 0.0
        if not self._store.apply(raw):
            return None
        now = self._store.get(key)
        same = known is not None and now is not None and known.claim is now.claim
        return READING_DELAY if same else 0.0

    def retain(self, namespace: str | None, uids: Collection[str], version: int) -> set[str]:
        """Removes the DPOJobs that a complete list lacks; returns the namespaces of those."""
        return {key[0] for key, _ in self._store.retain(namespace, uids, version)}

    def existing(self, namespace: str) -> dict[str, JobCost]:
        """Returns the costs of a namespace's DPOJobs, by UID."""
        return {job.uid: job for job in self._store.of_group((namespace, ""))}

    def deleted(self, namespace: str) -> dict[str, JobCost]:
        """Returns the last costs of a namespace's DPOJobs that were seen deleted, by UID."""
        return dict(self._deleted.get(namespace, {}))

    def forget_deleted(self, namespace: str, uids: Collection[str] | None = None) -> None:
        """Forgets deleted DPOJobs of a namespace, all of them by default: its quotas hold what they have cost."""
        deleted = self._deleted.get(namespace, {})
        for uid in tuple(deleted) if uids is None else uids:
            deleted.pop(uid, None)
        if not deleted:
            self._deleted.pop(namespace, None)
