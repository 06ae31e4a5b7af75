"""What CostQuotas mean for one DPOJob: whether its next attempt may begin, and whether it must stop."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from dpojob_api.conditions import Reason
from dpojob_api.job import Attempt
from dpojob_api.quantity import money
from dpojob_operator.decide.cost import total_cost
from dpojob_operator.decide.status_builder import StatusBuilder
from dpojob_operator.decide.types import PoolReservation, QuotaSnapshot

from .job_cost import attempt_costs, has_price, planned_rest, rounded, spent_by

UNREADABLE_POLL_SECONDS = 30.0
"""Between two looks whether a quota can be read; nothing is counted in it, so nothing of it queues its jobs."""


def wait_for_admission(builder: StatusBuilder) -> bool:
    """Hold a job back whose next attempt a quota of its namespace has not admitted.

    Args:
        builder: The status under construction, with the plan of the next attempt.

    Returns:
        Whether an attempt goes on or may begin, so that the next step may run.
    """
    attempt, plan = builder.attempt, builder.status.plan
    if attempt is not None and attempt.end_time is None:
        return True
    if plan is None or not has_price(plan):
        return True
    rest, unreadable = planned_rest(plan, builder.status), builder.snapshot.unreadable_quotas
    refusing = [quota for quota in builder.snapshot.quotas if not _admits(builder, quota, rest)]
    if not refusing and not unreadable:
        return True
    builder.reservation = PoolReservation(plan.pool, 0)  # it waits for no GPU
    builder.set_phase("Waiting")
    current = [quota for quota in refusing if _is_current(builder, quota)]
    full = [quota for quota in current if rest > quota.room or quota.is_exhausted]
    if unreadable:
        builder.requeue_within(UNREADABLE_POLL_SECONDS)
        message = (
            f"This operator cannot read CostQuota {', '.join(unreadable)}, which may have no room."
        )
        builder.set_training(False, Reason.COST_QUOTA_UNREADABLE, message)
    elif full:
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
        entry = quota.entry
        unread = max(Decimal(0), spent - entry.spent) if entry is not None else Decimal(0)
        used = quota.used + unread
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
    if builder.snapshot.unreadable_quotas:
        return False
    spent = spent_by(builder.status)
    for quota in builder.snapshot.quotas:
        entry, start = quota.entry, quota.counted_since
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


def _admits(builder: StatusBuilder, quota: QuotaSnapshot, rest: Decimal) -> bool:
    reserved = quota.entry.reserved if quota.entry is not None else None
    if reserved is None or not _is_current(builder, quota):
        return False
    return rest <= reserved and not quota.is_exhausted


def _is_current(builder: StatusBuilder, quota: QuotaSnapshot) -> bool:
    """Whether the record is of the period that goes on."""
    return quota.period_end is not None and builder.now < quota.period_end


def _refusal(quota: QuotaSnapshot, rest: Decimal, currency: str) -> str:
    message = (
        f"The plan costs {money(rest)} {currency}, and CostQuota {quota.name} allows {_limit(quota)}, of "
        f"which {money(quota.used)} are used and {money(quota.reserved)} reserved for other "
        f"jobs; {_end(quota)}"
    )
    if rest > quota.max_cost:
        message += " It is more than the whole quota: raise maxCost, or plan a cheaper job."
    return message


def _limit(quota: QuotaSnapshot) -> str:
    return f"{money(quota.max_cost)} a {quota.period.lower()}"


def _end(quota: QuotaSnapshot) -> str:
    return f"this {quota.period.lower()} ends {quota.period_end:%Y-%m-%d} 00:00 UTC."
