"""What CostQuotas mean for one DPOJob: whether its next attempt may begin, and whether it must stop."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from dpojob_api.conditions import Reason
from dpojob_api.cost_quota import CostQuota
from dpojob_api.job import Attempt
from dpojob_api.quantity import money
from dpojob_operator.decide.cost import total_cost
from dpojob_operator.decide.status_builder import StatusBuilder
from dpojob_operator.decide.types import PoolReservation

from .job_cost import attempt_costs, has_price, planned_rest, rounded, spent_by
from .record import fits, is_exhausted


def wait_for_admission(builder: StatusBuilder) -> bool:
    """Hold a job back whose next attempt a quota of its namespace has not admitted.

    Args:
        builder: The status under construction, with the plan of the next attempt.

    Returns:
        Whether an attempt goes on or may begin, so that the next stage may run.
    """
    attempt, plan = builder.attempt, builder.status.plan
    if attempt is not None and attempt.end_time is None:
        return True
    if plan is None or not has_price(plan):
        return True
    rest = planned_rest(plan, builder.status)
    refusing = [quota for quota in builder.snapshot.quotas if not _admits(builder, quota, rest)]
    if not refusing:
        return True
    builder.reservation = PoolReservation(plan.pool, 0)  # it waits for no GPU
    builder.set_phase("Waiting")
    current = [quota for quota in refusing if _is_current(builder, quota)]
    full = [quota for quota in current if not fits(quota, rest)]
    if full:
        tightest = min(full, key=lambda quota: quota.room)
        message = _refusal(tightest, rest, builder.policy.currency)
        builder.set_training(False, Reason.COST_QUOTA_EXCEEDED, message)
    else:
        amount = f"{money(rest)} {builder.policy.currency}"
        message = f"CostQuota {refusing[0].name} is about to reserve {amount} for it."
        builder.set_training(False, Reason.STARTING, message)
    return False


def quota_exceeded(builder: StatusBuilder, attempts: Sequence[Attempt]) -> str | None:
    """Check whether a quota of the namespace is used up, while this job costs more and more.

    Args:
        builder: The status under construction.
        attempts: All attempts of the job, counted up to now.

    Returns:
        What is used of which quota, as a sentence; None when the job may go on.
    """
    if not attempts[-1].hourly_price:
        return None
    spent = rounded(total_cost(list(attempts)))
    for quota in builder.snapshot.quotas:
        if not _is_current(builder, quota):
            continue
        entry = quota.status.job(builder.job.uid)
        unread = max(Decimal(0), spent - entry.spent) if entry is not None else Decimal(0)
        used = quota.status.total_used + unread
        if used >= quota.max_cost:
            return (
                f"The namespace has used {money(used)} {builder.policy.currency} of CostQuota "
                f"{quota.name}, which allows {_limit(quota)}; {_end(quota)}"
            )
    return None


def is_recorded(builder: StatusBuilder) -> bool:
    """Check whether every quota of the namespace holds all that a finished job has cost.

    A job that is deleted before would be counted with less.

    Args:
        builder: The status of a finished job.

    Returns:
        Whether it may be deleted.
    """
    spent = spent_by(builder.status)
    for quota in builder.snapshot.quotas:
        entry, start = quota.status.job(builder.job.uid), quota.status.period_start
        if entry is not None and entry.spent < spent:
            return False
        if entry is None and start is not None and _cost_since(builder, start):
            return False
    return True


def _cost_since(builder: StatusBuilder, start: datetime) -> Decimal:
    """What a quota counts of a job that it first sees now: its attempts that began since then, rounded."""
    spent = spent_by(builder.status)
    attempts = attempt_costs(builder.status.attempts, spent)
    earlier = [a.cost for a in attempts if a.start is not None and a.start < start]
    return max(Decimal(0), spent - sum(earlier, start=Decimal(0)))


def _admits(builder: StatusBuilder, quota: CostQuota, rest: Decimal) -> bool:
    entry = quota.status.job(builder.job.uid)
    reserved = entry.reserved if entry is not None else None
    if reserved is None or not _is_current(builder, quota):
        return False
    return rest <= reserved and not is_exhausted(quota)


def _is_current(builder: StatusBuilder, quota: CostQuota) -> bool:
    """Whether the record is of the period that goes on."""
    end = quota.status.period_end
    return end is not None and builder.now < end


def _refusal(quota: CostQuota, rest: Decimal, currency: str) -> str:
    status = quota.status
    message = (
        f"The plan costs {money(rest)} {currency}, and CostQuota {quota.name} allows {_limit(quota)}, of "
        f"which {money(status.total_used)} are used and {money(status.total_reserved)} reserved for other "
        f"jobs; {_end(quota)}"
    )
    if rest > quota.max_cost:
        message += " It is more than the whole quota: raise maxCost, or plan a cheaper job."
    return message


def _limit(quota: CostQuota) -> str:
    return f"{money(quota.max_cost)} a {quota.spec.period.lower()}"


def _end(quota: CostQuota) -> str:
    return f"this {quota.spec.period.lower()} ends {quota.status.period_end:%Y-%m-%d} 00:00 UTC."
