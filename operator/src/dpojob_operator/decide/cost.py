"""GPU time, money and the budget. Money is decimal; time is seconds."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

from dpojob_api.job import Attempt, Cost, DPOJobStatus
from dpojob_api.plan import Plan
from dpojob_api.progress import Progress
from dpojob_api.quantity import format_duration, money, parse_duration
from dpojob_api.spec import Budget
from dpojob_operator.decide.object_snapshots import PodSnapshot

HOUR = Decimal(3600)


def with_gpu_time(
    attempt: Attempt, pods: tuple[PodSnapshot, ...], gpus_per_pod: float, now: datetime
) -> Attempt:
    """The attempt with its start and GPU time up to date.

    Pods vanish (a node is lost, a preempted pod is deleted), and their time was paid for all the
    same: what was last counted for a vanished pod stays in the sum.
    """
    starts = [pod.started for pod in pods if pod.started is not None]
    visible = {
        pod.uid: max(0.0, ((pod.finished or now) - pod.started).total_seconds()) * gpus_per_pod
        for pod in pods
        if pod.started is not None
    }
    gone = attempt.gpu_seconds - sum(attempt.pod_seconds.values())
    gone += sum(spent for uid, spent in attempt.pod_seconds.items() if uid not in visible)
    return attempt.model_copy(
        update={
            "start_time": attempt.start_time or min(starts, default=None),
            "pod_seconds": visible,
            "gpu_seconds": max(0.0, gone) + sum(visible.values()),
        }
    )


def total_cost(attempts: list[Attempt]) -> Decimal:
    """Cost of all attempts, each at the price it began with."""
    return sum(
        (Decimal(str(a.gpu_seconds)) * a.hourly_price / HOUR for a in attempts), start=Decimal(0)
    )


def training_seconds(attempts: list[Attempt]) -> float:
    """Time for which pods ran, over all attempts; over several nodes, the mean of them.

    Not from start to end: what a preempted job waits for room, or in a queue, is no training.
    """
    return sum(attempt.gpu_seconds / attempt.gpus for attempt in attempts if attempt.gpus)


def eta_seconds(progress: Progress | None) -> float | None:
    """Time to the last step, from the trainer's word or its step rate."""
    if progress is None:
        return None
    if progress.eta_seconds is not None:
        return float(progress.eta_seconds)
    if progress.steps_per_second and progress.max_steps:
        return max(0, progress.max_steps - progress.step) / progress.steps_per_second
    return None


def cost_status(status: DPOJobStatus, plan: Plan, currency: str) -> Cost:
    """So far, and in total: by the plan until training runs, then by the measured rate."""
    spent = total_cost(status.attempts)
    left = eta_seconds(status.progress)
    if left is None:
        total = max(spent, plan.estimate.cost)
    else:
        total = spent + Decimal(str(left)) * plan.gpus * plan.hourly_price / HOUR
    return Cost(so_far=_cents(spent), estimate=_cents(total), currency=currency)


def _cents(amount: Decimal) -> Decimal:
    return Decimal(money(amount))


def budget_exceeded(budget: Budget, attempts: list[Attempt], currency: str) -> str | None:
    """What in the budget is used up, as a sentence; None while it is not."""
    spent, seconds = total_cost(attempts), training_seconds(attempts)
    # What costs nothing yet exceeds nothing: a budget of 0 is kept by a pool that is free.
    if budget.max_cost is not None and spent >= Decimal(budget.max_cost) and _cents(spent) > 0:
        return f"Training has cost {money(spent)} {currency}; budget.maxCost is {budget.max_cost}."
    if budget.max_duration is not None:
        limit = parse_duration(budget.max_duration)
        if seconds > 0 and timedelta(seconds=seconds) >= limit:
            taken = format_duration(seconds)
            return f"Training has taken {taken}; budget.maxDuration is {budget.max_duration}."
    return None


def budget_seconds_left(budget: Budget, attempts: list[Attempt], gpus: int) -> float | None:
    """Time until the budget is used up at the newest attempt's price; None without a budget."""
    left = []
    if budget.max_duration is not None:
        limit = parse_duration(budget.max_duration).total_seconds()
        left.append(limit - training_seconds(attempts))
    if budget.max_cost is not None and attempts and attempts[-1].hourly_price * gpus > 0:
        rate = attempts[-1].hourly_price * gpus / HOUR
        left.append(float((Decimal(budget.max_cost) - total_cost(attempts)) / rate))
    return max(0.0, min(left)) if left else None
