"""What each job of a namespace has spent, as one quota counts it.

A record counts since the beginning of its period, or since a later time: the spec's period was edited, or the clock
of the API server stepped over the end of the period, and the record began anew. What it had counted then stays in
its status as a sum with its beginning. What is used of a period is what the record counts and the sums that began in
the period. So a shorter period that is edited back, and a clock that is set right, give the sum again.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from dpojob_api.cost_quota import CostQuota, CostQuotaStatus, CountedJob, EarlierSum, Period

from .job_cost import JobCost, QuotaDemand
from .periods import period_end, period_start

NOTHING = Decimal(0)
MAX_EARLIER_SUMS = 62
"""How many sums of earlier periods are kept: two months of them where a period is a day."""


class _Beginning(NamedTuple):
    """From when on a record counts."""

    time: datetime
    is_new: bool
    """Whether the record begins anew with this observation."""
    set_back: bool
    """Whether it does because the clock stands before the beginning that it had."""


def counted_quota(
    quota: CostQuota, jobs: Mapping[str, JobCost], gone: Collection[str], now: datetime
) -> CostQuota:
    """Count what each job has spent, and what the jobs whose attempt goes on reserve.

    Args:
        quota: The quota as read.
        jobs: What the jobs of its namespace cost as last seen, by UID; deleted ones among them.
        gone: UIDs of jobs that certainly no longer exist.
        now: The time, in UTC.

    Returns:
        The quota with these parts of its status.
    """
    old, now = quota.status, now.replace(microsecond=0)
    beginning = _beginning(old, quota.spec.period, now)
    entries = {entry.uid: _updated(entry, jobs.get(entry.uid), beginning) for entry in old.jobs}
    status = old.model_copy(
        update={
            "period_start": period_start(quota.spec.period, now),
            "period_end": period_end(quota.spec.period, now),
            "counted_since": beginning.time,
            "deleted_jobs": NOTHING if beginning.is_new else old.deleted_jobs,
            "earlier": _earlier_sums(old, entries) if beginning.is_new else old.earlier,
            "jobs": [],
        }
    )
    new = quota.model_copy(update={"status": status})
    for uid, entry in entries.items():
        job = jobs.get(uid)
        if uid in gone:
            status.deleted_jobs += entry.counted
        elif job is None or job.demand is QuotaDemand.UNKNOWN:
            status.jobs.append(entry)
        else:
            _keep(status, entry, job)
    for uid, job in jobs.items():
        if uid not in entries and uid not in gone and job.demand is not QuotaDemand.UNKNOWN:
            _keep(status, _first_entry(job, beginning), job)
    exhausted = is_exhausted(new)
    for entry in status.jobs:
        job = jobs.get(entry.uid)
        if job is not None and job.demand is QuotaDemand.ADMISSION and entry.reserved is not None:
            # The plan may have changed since, and running jobs may have cost more than was reserved.
            keeps = job.expected_rest <= entry.reserved and not exhausted
            entry.reserved = job.expected_rest if keeps else None
    return new


def is_exhausted(quota: CostQuota) -> bool:
    """Tell whether the quota's whole limit is used.

    Args:
        quota: The quota.

    Returns:
        Whether nothing that costs may go on.
    """
    return quota.status.total_used >= quota.max_cost


def is_needed(entry: CountedJob, job: JobCost | None, status: CostQuotaStatus) -> bool:
    """Tell whether a job would be counted differently if it were first seen now.

    Args:
        entry: What is counted of the job.
        job: What it costs as last seen; None when it is not known to exist.
        status: The record.

    Returns:
        Whether the entry must stay.
    """
    if (
        entry.reserved is not None
        or entry.counted
        or job is None
        or job.demand is QuotaDemand.UNKNOWN
    ):
        return True
    assert status.counted_since is not None
    return bool(_counted_when_first_seen(job, status.counted_since))


def _beginning(status: CostQuotaStatus, period: Period, now: datetime) -> _Beginning:
    since, start = status.counted_since or status.period_start, period_start(period, now)
    if since is None or start > since:
        return _Beginning(start, is_new=True, set_back=False)
    if now < since:
        return _Beginning(now, is_new=True, set_back=True)
    return _Beginning(since, is_new=False, set_back=False)


def _updated(entry: CountedJob, job: JobCost | None, beginning: _Beginning) -> CountedJob:
    """The entry with what the job has spent by now."""
    spent = max(entry.spent, job.spent if job is not None else NOTHING)
    before = entry.before
    if beginning.is_new:
        # A job that ended while no operator ran ended in the period before.
        ended = NOTHING
        if job is not None and not beginning.set_back:
            ended = job.spent_in_attempts_ended_before(beginning.time)
        before = max(entry.spent, ended)
    return entry.model_copy(update={"spent": spent, "before": before})


def _earlier_sums(old: CostQuotaStatus, entries: Mapping[str, CountedJob]) -> list[EarlierSum]:
    """The sums before a record that begins anew, with that of the one that it replaces."""
    start = old.counted_since or old.period_start
    counted = (entries[entry.uid].before - entry.before for entry in old.jobs)
    used = sum(counted, start=old.deleted_jobs)
    if start is None or not used:
        return old.earlier
    return [*old.earlier, EarlierSum(start=start, used=used)][-MAX_EARLIER_SUMS:]


def _first_entry(job: JobCost, beginning: _Beginning) -> CountedJob:
    """What is counted of a job that is first seen now: the attempts that began since the record did."""
    # Where the clock was set back, its attempts began before that, whatever time it was.
    counted = NOTHING if beginning.set_back else _counted_when_first_seen(job, beginning.time)
    return CountedJob(uid=job.uid, name=job.name, spent=job.spent, before=job.spent - counted)


def _counted_when_first_seen(job: JobCost, since: datetime) -> Decimal:
    return job.spent - job.spent_in_attempts_begun_before(since)


def _keep(status: CostQuotaStatus, entry: CountedJob, job: JobCost) -> None:
    if job.demand is QuotaDemand.RESERVATION:
        entry.reserved = max(NOTHING, job.expected - entry.spent)
    elif job.demand is not QuotaDemand.ADMISSION:
        entry.reserved = None
    status.jobs.append(entry)
