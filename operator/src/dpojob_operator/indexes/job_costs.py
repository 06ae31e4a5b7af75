"""What the DPOJobs of namespaces with CostQuotas cost, as lists and watches show them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from dpojob_operator.decide.cost_quota import JobCost, read_job_cost
from dpojob_operator.kube import Key, ObjectStore

READING_DELAY = 1.0
"""Seconds in which readings of a namespace's running jobs become one write of its quotas."""


class _Namespace:
    """The jobs of one namespace."""

    def __init__(self) -> None:
        self.existing: ObjectStore[JobCost] = ObjectStore(read_job_cost)
        self.deleted: dict[str, JobCost] = {}
        """The last cost of those that were seen deleted, by UID, until the quotas have counted it."""


class JobCosts:
    """The newest cost of each DPOJob; nothing is read or kept of namespaces that are not followed."""

    def __init__(self) -> None:
        self._followed: dict[str, _Namespace] = {}

    def is_followed(self, namespace: str) -> bool:
        """Returns whether the DPOJobs of a namespace are read."""
        return namespace in self._followed

    def follow(self, namespace: str) -> None:
        """Begins to read the DPOJobs of a namespace; the caller then lists those that exist."""
        self._followed[namespace] = _Namespace()

    def unfollow(self, namespace: str) -> None:
        """Forgets a namespace."""
        self._followed.pop(namespace, None)

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
        jobs = self._followed.get(key[0])
        if jobs is None:
            return None
        if deleted:
            jobs.existing.remove(key, metadata["uid"])
            jobs.deleted[metadata["uid"]] = read_job_cost(raw)
            return 0.0
        before = jobs.existing.get(key)
        if not jobs.existing.apply(raw):
            return None
        after = jobs.existing.get(key)
        same = before is not None and after is not None and before.demand is after.demand
        return READING_DELAY if same else 0.0

    def retain(self, namespace: str | None, uids: Collection[str], version: int) -> list[str]:
        """Removes the DPOJobs that a complete list lacks.

        Args:
            namespace: What was listed; None for all namespaces.
            uids: Of all listed objects.
            version: The list's resourceVersion; what is newer stays.

        Returns:
            The namespaces of what was removed.
        """
        listed = [name for name in self._followed if namespace in (None, name)]
        return [n for n in listed if self._followed[n].existing.retain(n, uids, version)]

    def existing(self, namespace: str) -> dict[str, JobCost]:
        """Returns the costs of the DPOJobs of a followed namespace, by UID."""
        return {job.uid: job for job in self._followed[namespace].existing.values()}

    def deleted(self, namespace: str) -> dict[str, JobCost]:
        """Returns the last costs of those that were seen deleted, by UID."""
        return dict(self._followed[namespace].deleted)

    def forget_deleted(self, namespace: str, uids: Collection[str]) -> None:
        """Forgets deleted DPOJobs whose last cost the quotas hold."""
        for uid in uids:
            self._followed[namespace].deleted.pop(uid, None)
