"""The budget: by how much an estimate exceeds it, and which smaller amount of work it allows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from dpojob_api.plan import Estimate
from dpojob_api.quantity import format_duration, money, parse_duration
from dpojob_api.spec import Budget


def budget_excess(budget: Budget, estimate: Estimate) -> str | None:
    """Describe by how much an estimate exceeds a budget.

    Args:
        budget: The limits on cost and duration.
        estimate: Predicted hours and cost. Money is compared in cents, as it is shown.

    Returns:
        A clause such as "costs about 3.20, 1.20 more than budget.maxCost 2.00"; None when the
        estimate is within the budget.
    """
    clauses = []
    if budget.max_cost is not None:
        cost = Decimal(money(estimate.cost))
        over = cost - Decimal(budget.max_cost)
        if over > 0:
            clauses.append(
                f"costs about {money(cost)}, {money(over)} more than budget.maxCost {budget.max_cost}"
            )
    if budget.max_duration is not None:
        seconds = round(estimate.hours * 3600)
        over_seconds = seconds - parse_duration(budget.max_duration).total_seconds()
        if over_seconds > 0:
            clauses.append(
                f"takes about {format_duration(seconds)}, {format_duration(over_seconds)} more than "
                f"budget.maxDuration {budget.max_duration}"
            )
    return " and ".join(clauses) or None


@dataclass(frozen=True)
class AffordableWork:
    """The work a budget allows, with all other settings unchanged.

    A field is None where even the least amount exceeds the budget.
    """

    epochs: float | None
    """Most epochs over all pairs, in hundredths."""
    rows: int | None
    """Most preference pairs, in whole batches, for all epochs."""


def affordable_work(
    budget: Budget,
    epochs: float,
    batches: int,
    batch_size: int,
    estimate: Callable[[float, int], Estimate],
) -> AffordableWork:
    """Find the most epochs, and the most pairs, that a budget allows.

    Args:
        budget: The limits on cost and duration.
        epochs: Epochs the job asks for.
        batches: Batches in one epoch.
        batch_size: Preference pairs in one batch.
        estimate: Predicts time and cost from a number of epochs and a number of pairs; must grow
            with both.

    Returns:
        Epochs in hundredths, and pairs in whole batches.
    """
    rows = batches * batch_size

    def affordable(epochs: float, rows: int) -> bool:
        return budget_excess(budget, estimate(epochs, rows)) is None

    hundredths = _largest(int(epochs * 100), lambda count: affordable(count / 100, rows))
    fewer = _largest(batches, lambda count: affordable(epochs, count * batch_size))
    return AffordableWork(
        epochs=hundredths / 100 if hundredths else None,
        rows=fewer * batch_size if fewer else None,
    )


def _largest(most: int, holds: Callable[[int], bool]) -> int:
    """Binary search: the largest count in 1..most that holds, 0 if none; `holds` must be monotone."""
    low, high = 0, most
    while low < high:
        middle = (low + high + 1) // 2
        if holds(middle):
            low = middle
        else:
            high = middle - 1
    return low
