"""GPU time, cost and the budget. Money is decimal; time is in seconds."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from dpojob_api.base import MAX_COUNT
from dpojob_api.evaluation import Evaluation
from dpojob_api.job import Attempt, Cost, DPOJobStatus
from dpojob_api.plan import Plan
from dpojob_api.progress import Progress
from dpojob_api.quantity import format_duration, money, parse_duration
from dpojob_api.spec import Budget

from .object_snapshots import PodSnapshot
from .status_builder import StatusBuilder

HOUR = Decimal(3600)


def update_cost(builder: StatusBuilder, *, refresh: bool = True) -> None:
    """Set the status's cost from the attempts' GPU time.

    Args:
        builder: The status to change; without a plan nothing is set.
        refresh: Whether the cost may be written in this pass.
    """
    plan = builder.status.plan
    if plan is not None and refresh:
        builder.status.cost = cost_status(builder.status, plan, builder.policy.currency)


def with_gpu_time(builder: StatusBuilder, attempt: Attempt, gpus_per_pod: float) -> Attempt:
    """Bring an attempt's start and GPU time up to date.

    Pods disappear (a node is lost, a preempted pod is deleted), and their time was paid for
    nevertheless: what was last counted for such a pod stays in the sum.

    Args:
        builder: The status under construction, with the pods of the attempt's Job that exist now.
        attempt: The attempt as it was last written.
        gpus_per_pod: GPUs that each pod holds.

    Returns:
        A copy of the attempt with `start_time`, `pod_seconds` (GPU seconds per existing pod) and
        `gpu_seconds` (GPU seconds in all).
    """
    pods = builder.snapshot.training_pods
    starts = [pod.started for pod in pods if pod.started is not None]
    visible = {
        pod.uid: max(
            _seconds_run(builder, pod) * gpus_per_pod,
            attempt.pod_seconds.get(pod.uid, 0.0) if pod.running else 0.0,
        )
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


def _seconds_run(builder: StatusBuilder, pod: PodSnapshot) -> float:
    """Measure how long a pod's container ran, although clocks differ and step.

    Its start and end are by the clock of its node, all else by that of the API server. It did not
    start before it was bound to its node, nor after it was first seen to run. The time since then is
    counted by the monotonic clock.

    Args:
        builder: The status under construction.
        pod: A training pod whose container has started.

    Returns:
        Seconds, at least 0.
    """
    assert pod.started is not None
    what = f"run of pod {pod.uid}"
    now, seen = builder.timing.steady_now(what), builder.timing.first_seen_at(what)
    began = max(time for time in (pod.started, pod.scheduled_at, pod.created) if time is not None)
    longest = now - (began if seen is None else min(began, seen))
    took = longest if pod.finished is None else min(longest, pod.finished - pod.started)
    return max(0.0, took.total_seconds())


def total_cost(attempts: list[Attempt]) -> Decimal:
    """Add up the cost of all attempts, each at the price it began with.

    Args:
        attempts: The attempts, with their GPU seconds and their hourly price per GPU.

    Returns:
        The cost in the installation's currency, not rounded.
    """
    return sum(
        (Decimal(str(a.gpu_seconds)) * a.hourly_price / HOUR for a in attempts), start=Decimal(0)
    )


def judge_cost(evaluation: Evaluation | None) -> Decimal:
    """Read what a judge behind an API cost.

    Args:
        evaluation: The evaluation of a finished training; None before it.

    Returns:
        The cost in the installation's currency, not rounded; 0 where nothing was asked.
    """
    usage = evaluation.judge_usage if evaluation is not None else None
    return Decimal(str(usage.cost)) if usage is not None and usage.cost else Decimal(0)


def training_seconds(attempts: list[Attempt]) -> float:
    """Add up the time for which pods ran; with several nodes, the mean over the nodes.

    This is not the time from start to end: a preempted job that waits for a node, or in a queue, is
    not training.

    Args:
        attempts: The attempts, with their GPU seconds and their GPUs.

    Returns:
        Seconds.
    """
    return sum(attempt.gpu_seconds / attempt.gpus for attempt in attempts if attempt.gpus)


def eta_seconds(progress: Progress | None) -> float | None:
    """Estimate the time to the last step, as the trainer reports it or from its step rate.

    Args:
        progress: The newest progress; None before training runs.

    Returns:
        Seconds; None when there is no estimate.
    """
    if progress is None:
        return None
    if progress.eta_seconds is not None:
        return float(progress.eta_seconds)
    if progress.steps_per_second and progress.max_steps:
        left = max(0, progress.max_steps - progress.step) / progress.steps_per_second
        return min(left, float(MAX_COUNT))  # a rate near zero gives an infinite time
    return None


def cost_status(status: DPOJobStatus, plan: Plan, currency: str) -> Cost:
    """Compute the cost so far and in total.

    The total follows the plan's estimate until training reports a step rate, then that rate and the plan's
    estimate of the evaluation after training.

    Args:
        status: The status, with its attempts and progress.
        plan: The plan in force, for the number of GPUs and their price.
        currency: The currency shown beside the amounts.

    Returns:
        Both amounts, rounded to cents.
    """
    spent = total_cost(status.attempts) + judge_cost(status.evaluation)
    left, judge = eta_seconds(status.progress), Decimal(0)
    if left is None:
        total = max(spent, plan.estimate.cost)
    else:
        if left > 0 and status.evaluation is None:
            left, judge = left + plan.estimate.after_seconds(), plan.estimate.judge_cost
        total = spent + Decimal(str(left)) * plan.gpus * plan.hourly_price / HOUR + judge
    return Cost(so_far=_cents(spent), estimate=_cents(total), currency=currency)


def _cents(amount: Decimal) -> Decimal:
    return Decimal(money(amount))


def budget_exceeded(budget: Budget, attempts: list[Attempt], currency: str) -> str | None:
    """Check whether the budget is used up.

    Args:
        budget: The job's budget; absent limits never apply.
        attempts: All attempts, counted up to now.
        currency: The currency shown in the sentence.

    Returns:
        A sentence on the limit that is reached; None while none is.
    """
    spent, seconds = total_cost(attempts), training_seconds(attempts)
    # A cost of zero exceeds no budget: a pool without a price keeps a budget of 0.
    if budget.max_cost is not None and spent >= Decimal(budget.max_cost) and _cents(spent) > 0:
        return f"Training has cost {money(spent)} {currency}; budget.maxCost is {budget.max_cost}."
    if budget.max_duration is not None:
        limit = parse_duration(budget.max_duration)
        if seconds > 0 and timedelta(seconds=seconds) >= limit:
            taken = format_duration(seconds)
            return f"Training has taken {taken}; budget.maxDuration is {budget.max_duration}."
    return None


def budget_used(budget: Budget, attempts: list[Attempt]) -> float | None:
    """Compute how much of the budget is used.

    Args:
        budget: The job's budget.
        attempts: All attempts, counted up to now.

    Returns:
        The share of the limit that is nearer, 0 to 1 and above; None when the budget has no limit.
    """
    shares = []
    if budget.max_cost is not None and Decimal(budget.max_cost) > 0:
        shares.append(float(total_cost(attempts) / Decimal(budget.max_cost)))
    if budget.max_duration is not None:
        limit = parse_duration(budget.max_duration).total_seconds()
        shares.append(training_seconds(attempts) / limit)
    return max(shares, default=None)


def budget_seconds_left(budget: Budget, attempts: list[Attempt], gpus: int) -> float | None:
    """Compute the time until the budget is used up at the newest attempt's price.

    Args:
        budget: The job's budget.
        attempts: All attempts, counted up to now.
        gpus: GPUs that are in use now.

    Returns:
        Seconds, at least 0; None when the budget has no limit.
    """
    left = []
    if budget.max_duration is not None:
        limit = parse_duration(budget.max_duration).total_seconds()
        left.append(limit - training_seconds(attempts))
    if budget.max_cost is not None and attempts and attempts[-1].hourly_price * gpus > 0:
        rate = attempts[-1].hourly_price * gpus / HOUR
        left.append(float((Decimal(budget.max_cost) - total_cost(attempts)) / rate))
    return max(0.0, min(left)) if left else None
