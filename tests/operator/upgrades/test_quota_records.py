"""A rollback to an operator that does not know a field of a CostQuota's record, and the upgrade after it.

Such an operator drops the field, since it writes the record as a whole. That of commit 42cba613 knew neither `earlier`
nor `countedSince`.
"""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

from tests.kit.operator.costquota_api import attempt, planned_job, quota

from dpojob_api.cost_quota import CostQuota
from dpojob_operator.decide.cost_quota import JobCost, read_job_cost, updated_quotas

UNKNOWN_TO_IT = ("earlier", "countedSince")
BEGINNING = datetime(2026, 11, 23, tzinfo=UTC)


def running(spent: float) -> JobCost:
    raw = planned_job("a", attempts=[attempt(spent, BEGINNING)], cost={"estimate": "50"})
    raw["metadata"]["uid"] = "a"
    return read_job_cost(raw)


def after(made: CostQuota, day: int, spent: float, period: str, month: int = 11) -> CostQuota:
    made.spec.period = period  # type: ignore[assignment]
    (new,) = updated_quotas(
        [made], {"a": running(spent)}, (), datetime(2026, month, day, 12, tzinfo=UTC)
    )
    return CostQuota.model_validate(new.wire())


def test_the_sum_before_an_edit_of_the_period_is_lost_and_nothing_is_counted_twice() -> None:
    made = after(CostQuota.model_validate(quota()), 23, 3, "Month")
    made = after(made, 24, 5, "Day")
    made = after(made, 24, 5, "Month")
    assert made.status.used == 5 and [each.used for each in made.status.earlier] == [3]
    left = made.wire()
    for name in UNKNOWN_TO_IT:
        del left["status"][name]
    again = after(CostQuota.model_validate(left), 24, 6, "Month")
    assert again.status.used == 3, "6, without the 3 before the edit"
    turned = after(again, 2, 10, "Month", month=12)
    assert (turned.status.used, turned.status.earlier[0].used) == (Decimal(4), Decimal(3))
