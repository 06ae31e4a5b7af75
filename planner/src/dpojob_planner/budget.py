"""The budget: by how much an estimate exceeds it, and how much less work would be within it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from dpojob_api.plan import Estimate
from dpojob_api.quantity import format_duration, money, parse_duration
from dpojob_api.spec import Budget


def excess(budget: Budget, estimate: Estimate) -> str | None:
    """By how much an estimate exceeds a budget, as a clause; None when it does not.

    Money is compared in cents, as it is shown.
    """
    found = []
    if budget.max_cost is not None:
        cost = Decimal(money(estimate.cost))
        over = cost - Decimal(budget.max_cost)
        if over > 0:
            found.append(
                f"costs about {money(cost)}, {money(over)} more than budget.maxCost {budget.max_cost}"
            )
    if budget.max_duration is not None:
        seconds = round(estimate.hours * 3600)
        over_seconds = seconds - parse_duration(budget.max_duration).total_seconds()
        if over_seconds > 0:
            found.append(
                f"takes about {format_duration(seconds)}, {format_duration(over_seconds)} more than "
                f"budget.maxDuration {budget.max_duration}"
            )
    return " and ".join(found) or None


@dataclass(frozen=True)
class Within:
    """Less work that a budget allows, everything else as it was; None where even the least is too much."""

    epochs: float | None
    rows: int | None


def within(
    budget: Budget,
    epochs: float,
    batches: int,
    batch_size: int,
    estimate: Callable[[float, int], Estimate],
) -> Within:
    """The most epochs, in hundredths, and the most pairs, in whole batches, that a budget allows.

    `estimate` prices so many epochs over so many pairs.
    """
    rows = batches * batch_size

    def affordable(epochs: float, rows: int) -> bool:
        return excess(budget, estimate(epochs, rows)) is None

    hundredths = _largest(int(epochs * 100), lambda count: affordable(count / 100, rows))
    fewer = _largest(batches, lambda count: affordable(epochs, count * batch_size))
    return Within(
        epochs=hundredths / 100 if hundredths else None,
        rows=fewer * batch_size if fewer else None,
    )


def _largest(most: int, holds: Callable[[int], bool]) -> int:
    """The largest count up to `most` for which something that ends once ended holds; 0 for none."""
    low, high = 0, most
    while low < high:
        middle = (low + high + 1) // 2
        if holds(middle):
            low = middle
        else:
            high = middle - 1
    return low
