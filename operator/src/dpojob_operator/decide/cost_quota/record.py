"""The record of a namespace's CostQuotas: who is counted with how much, and who is admitted.

Each DPOJob has at most one entry in each quota, by its UID, and what it has spent only grows. So an observation
may be repeated, late or out of order. An entry becomes part of the sum of deleted jobs in the same write that
removes it, and the caller makes sure before it that the job is gone, and before an entry is added that the job
exists: a UID never comes back, and the write fails when the quota was written since it was read.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from dpojob_api.conditions import QuotaConditionType, Reason
from dpojob_api.cost_quota import CostQuota
from dpojob_api.quantity import money
from dpojob_operator.decide.conditions import next_condition

from .counting import NOTHING, counted_quota, is_exhausted, is_needed
from .job_cost import JobCost, QuotaDemand


class Reservation(NamedTuple):
    """What one quota reserves for a job."""

    quota: str
    """The quota's name."""
    period_start: datetime | None
    amount: Decimal | None
    """None: the quota does not admit the job."""


class _Record:
    """The record of one quota by UID, with its sums, so that each admission costs the same however many jobs it has."""

    def __init__(self, quota: CostQuota) -> None:
        self._max_cost = quota.max_cost
        self._entries = {entry.uid: entry for entry in quota.status.jobs}
        self._used, self._reserved = quota.status.total_used, quota.status.total_reserved

    def admits(self, uid: str) -> bool:
        """Tell whether an amount is reserved for a job."""
        entry = self._entries.get(uid)
        return entry is not None and entry.reserved is not None

    def fits(self, cost: Decimal) -> bool:
        """Tell whether an amount fits beside what is used and reserved."""
        room = self._max_cost - self._used - self._reserved
        return cost <= room and self._used < self._max_cost

    def reserve(self, uid: str, amount: Decimal | None) -> None:
        """Set what is reserved for a job that has an entry; None withdraws its admission."""
        entry = self._entries[uid]
        self._reserved += (amount or NOTHING) - (entry.reserved or NOTHING)
        entry.reserved = amount


def updated_quotas(
    quotas: Sequence[CostQuota],
    jobs: Mapping[str, JobCost],
    gone: Collection[str],
    now: datetime,
) -> list[CostQuota]:
    """Count what the jobs of a namespace have cost, and admit those that fit.

    Args:
        quotas: All quotas of the namespace, as read.
        jobs: What its jobs cost as last seen, by UID; deleted ones among them.
        gone: UIDs of jobs that certainly no longer exist.
        now: The time, in UTC.

    Returns:
        The quotas with their new status, in the same order.
    """
    counted = [counted_quota(quota, jobs, gone, now) for quota in quotas]
    records = [_Record(quota) for quota in counted]
    existing = [job for uid, job in jobs.items() if uid not in gone]
    for job in sorted(existing, key=lambda job: (job.created, job.uid)):
        if job.demand is QuotaDemand.ADMISSION:
            _admit(records, job)
    for quota in counted:
        _conclude(quota, jobs, now)
    return counted


def reservations(
    quotas: Sequence[CostQuota], uids: Iterable[str]
) -> dict[str, tuple[Reservation, ...]]:
    """List what the quotas of a namespace reserve for jobs.

    Args:
        quotas: All quotas of the namespace.
        uids: Of the jobs.

    Returns:
        By UID, a reservation of each quota, in the order of the quotas.
    """
    amounts = [
        (
            quota.name,
            quota.status.period_start,
            {job.uid: job.reserved for job in quota.status.jobs},
        )
        for quota in quotas
    ]
    return {
        uid: tuple(Reservation(name, start, reserved.get(uid)) for name, start, reserved in amounts)
        for uid in uids
    }


def _admit(records: Sequence[_Record], job: JobCost) -> None:
    """Reserve the job's cost in every quota, or in none: what one refuses must not take room in another."""
    if all(record.admits(job.uid) for record in records):
        return
    for record in records:
        record.reserve(job.uid, None)
    if all(record.fits(job.expected_rest) for record in records):
        for record in records:
            record.reserve(job.uid, job.expected_rest)


def _conclude(quota: CostQuota, jobs: Mapping[str, JobCost], now: datetime) -> None:
    """Leave out entries of nothing; set the sums and the conditions."""
    status = quota.status
    needed = [entry for entry in status.jobs if is_needed(entry, jobs.get(entry.uid), status)]
    status.jobs = sorted(needed, key=lambda entry: (entry.name, entry.uid))
    status.used, status.reserved = status.total_used, status.total_reserved
    status.observed_generation = generation = int(quota.metadata.get("generation", 0))
    exhausted = is_exhausted(quota)
    figures = (
        f"{money(status.used)} of {money(quota.max_cost)} used since {status.period_start:%Y-%m-%d}"
    )
    reason = Reason.COST_QUOTA_USED_UP if exhausted else Reason.WITHIN_COST_QUOTA
    status.conditions = [
        next_condition(status.conditions, type_, value, reason_, message, generation, now)
        for type_, value, reason_, message in (
            (QuotaConditionType.EXHAUSTED, str(exhausted), reason, f"{figures}."),
            (QuotaConditionType.READY, "True", Reason.COST_COUNTED, ""),
        )
    ]
