"""Keeps the record of all CostQuotas of a namespace, and queues the DPOJobs for which it means something new.

A record is written from the status that was read, so that a write fails when another replica wrote since. Before
an entry is added, a live read shows that its DPOJob exists, and before one is removed, that it does not: what
another replica has counted as deleted is then never counted again, however old the stores are.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import datetime

from dpojob_api.base import JSONObject
from dpojob_api.conditions import QuotaConditionType, Reason
from dpojob_api.constants import API_VERSION
from dpojob_api.cost_quota import CostQuota
from dpojob_operator.decide.conditions import unreadable_status
from dpojob_operator.decide.cost_quota import (
    JobCost,
    QuotaDemand,
    Reservation,
    is_exhausted,
    read_job_cost,
    reservations,
    updated_quotas,
)
from dpojob_operator.decide.queueing import is_managed_elsewhere
from dpojob_operator.indexes import JobCosts, ObjectStores
from dpojob_operator.kube import ApiClient, ApiError, Key, UnreadableObject
from dpojob_operator.kube.resources import COSTQUOTAS, DPOJOBS
from dpojob_operator.process.metrics import COST_QUOTAS, QuotaFigures

MAX_WAIT_SECONDS = 300.0
"""The pause between two looks at the time: the API server's clock may step."""


class CostQuotaController:
    """Updates the status of CostQuotas, all those of a namespace together."""

    def __init__(
        self,
        cluster: ApiClient,
        stores: ObjectStores,
        costs: JobCosts,
        requeue: Callable[[Key], None],
        now: Callable[[], datetime],
    ) -> None:
        """`requeue` takes the key of a DPOJob that may begin, must wait or must stop."""
        self._cluster = cluster
        self._stores = stores
        self._costs = costs
        self._requeue = requeue
        self._now = now
        self._reservations: dict[str, dict[str, tuple[Reservation, ...]]] = {}
        """What each job that asks for admission had at the last pass, by namespace and UID."""

    async def refresh(self, namespace: str) -> float | None:
        """Updates the quotas of a namespace.

        Args:
            namespace: Its name.

        Returns:
            Seconds until the next look; None without quotas. Raises ApiError when a request fails.
        """
        quotas = [index.quota for index in self._stores.quotas_of(namespace)]
        unreadable = self._stores.unreadable_quotas_of(namespace)
        new = await self._refresh_readable(namespace, quotas)
        COST_QUOTAS.replace(namespace, [*map(_figures, new)], [quota.name for quota in unreadable])
        for quota in unreadable:
            await self._report_unreadable(quota)
        return _seconds_to_next_period(new, self._now())

    async def _refresh_readable(
        self, namespace: str, quotas: Sequence[CostQuota]
    ) -> list[CostQuota]:
        """The quotas with their new status, which is written."""
        if not self._costs.is_followed(namespace):
            if not quotas:
                return []
            await self._list_jobs(namespace)
        existing, deleted = self._costs.existing(namespace), self._costs.deleted(namespace)
        new = await self._updated(namespace, quotas, {**existing, **deleted}, set(deleted))
        for old, quota in zip(quotas, new, strict=True):
            if quota.status.wire() != old.status.wire():
                await self._write(quota)
        self._costs.forget_deleted(namespace, deleted)
        self._requeue_jobs(namespace, new, existing.values())
        if not quotas:
            self._costs.unfollow(namespace)
        return new

    async def _list_jobs(self, namespace: str) -> None:
        """Reads the jobs of a namespace that has its first quota; their later changes come from the watch."""
        self._costs.follow(namespace)
        try:
            await self._cluster.scan(DPOJOBS, namespace, None, self._record)
        except ApiError:
            self._costs.unfollow(namespace)
            raise

    def _record(self, raw: JSONObject) -> None:
        if not is_managed_elsewhere(raw):
            self._costs.record(raw, deleted=False)

    async def _updated(
        self,
        namespace: str,
        quotas: Sequence[CostQuota],
        jobs: dict[str, JobCost],
        gone: set[str],
    ) -> list[CostQuota]:
        """The quotas with their new status, after live reads of jobs that it adds or removes.

        What is added is counted as it was read: an older state may be from before a period whose sum holds it.
        """
        entries = {entry.uid: entry.name for quota in quotas for entry in quota.status.jobs}
        for uid, name in entries.items():
            if uid not in jobs and await self._read(namespace, name, uid) is None:
                gone.add(uid)
        checked: set[str] = set()
        while True:
            new = updated_quotas(quotas, jobs, gone, self._now())
            added = _added(quotas, new) - checked
            if not added:
                return new
            for uid in added:
                read = await self._read(namespace, jobs[uid].name, uid)
                if read is None:
                    gone.add(uid)
                else:
                    jobs[uid] = read
            checked |= added

    async def _read(self, namespace: str, name: str, uid: str) -> JobCost | None:
        """What a job costs by a live read; None when it does not exist."""
        raw = await self._cluster.get(DPOJOBS, namespace, name)
        return None if raw is None or raw["metadata"]["uid"] != uid else read_job_cost(raw)

    async def _report_unreadable(self, quota: UnreadableObject) -> None:
        """Says so in the conditions of the quota; its record stays as it is."""
        types, reason = (QuotaConditionType.READY,), Reason.COST_QUOTA_UNREADABLE
        status = unreadable_status(quota.raw, types, reason, quota.problem, self._now())
        if status != quota.raw.get("status"):
            await self._cluster.write_status(COSTQUOTAS, {**quota.raw, "status": status})

    async def _write(self, quota: CostQuota) -> None:
        body = {
            "apiVersion": API_VERSION,
            "kind": quota.kind,
            "metadata": quota.metadata,
            "status": quota.status.wire(),
        }
        await self._cluster.write_status(COSTQUOTAS, body)

    def _requeue_jobs(
        self, namespace: str, quotas: Sequence[CostQuota], jobs: Collection[JobCost]
    ) -> None:
        """Queues jobs whose reservations changed, and those that go on although a quota is used up.

        A reservation of another amount or period counts as a change: the job's last pass may have found
        that the one before was not enough, or that its period had ended.
        """
        before = self._reservations.pop(namespace, {})
        waiting = {job.uid for job in jobs if job.demand is QuotaDemand.ADMISSION}
        after = reservations(quotas, waiting)
        exhausted = any(is_exhausted(quota) for quota in quotas)
        for job in jobs:
            changed = job.uid in waiting and before.get(job.uid) != after[job.uid]
            if changed or (exhausted and job.demand is QuotaDemand.RESERVATION):
                self._requeue((namespace, job.name))
        if quotas:
            self._reservations[namespace] = after


def _seconds_to_next_period(quotas: Sequence[CostQuota], now: datetime) -> float | None:
    """The seconds until the first of the periods ends, at most MAX_WAIT_SECONDS."""
    ends = [quota.status.period_end for quota in quotas if quota.status.period_end is not None]
    if not ends:
        return None
    return min(MAX_WAIT_SECONDS, max(0.0, (min(ends) - now).total_seconds()) + 0.1)


def _added(old: Sequence[CostQuota], new: Sequence[CostQuota]) -> set[str]:
    """UIDs of entries that a record has not held; the first record of a quota repeats no other's."""
    added: set[str] = set()
    for before, after in zip(old, new, strict=True):
        if before.status.period_start is not None:
            held = {entry.uid for entry in before.status.jobs}
            added |= {entry.uid for entry in after.status.jobs} - held
    return added


def _figures(quota: CostQuota) -> QuotaFigures:
    return QuotaFigures(
        name=quota.name,
        limit=float(quota.max_cost),
        used=float(quota.status.total_used),
        reserved=float(quota.status.total_reserved),
    )
