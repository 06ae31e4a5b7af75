"""What the record of a quota holds after an observation."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from tests.kit.operator.costquota_api import attempt, finished, planned_job, quota

from dpojob_api.base import JSONObject
from dpojob_api.cost_quota import CostQuota
from dpojob_operator.decide.cost_quota import (
    JobCost,
    QuotaDemand,
    read_job_cost,
    reservations,
    updated_quotas,
)

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
EARLIER_THIS_MONTH = datetime(2026, 11, 10, tzinfo=UTC)
EARLIER = datetime(2026, 10, 30, tzinfo=UTC)
NEXT_MONTH = datetime(2026, 12, 1, 0, 0, 1, tzinfo=UTC)


def cost(raw: JSONObject) -> JobCost:
    raw["metadata"].setdefault("uid", raw["metadata"]["name"])
    return read_job_cost(raw)


def running(name: str, spent: float, expected: float = 10, start: datetime = NOW) -> JobCost:
    estimate = {"estimate": str(expected)}
    return cost(planned_job(name, attempts=[attempt(spent, start)], cost=estimate))


def new_quota(max_cost: str = "100", period: str = "Month", name: str = "team") -> CostQuota:
    return CostQuota.model_validate(quota(name, max_cost, period))


def update(
    quotas: list[CostQuota], *jobs: JobCost, gone: tuple[str, ...] = (), now: datetime = NOW
) -> list[CostQuota]:
    """The quotas as the API server would return them after the update."""
    new = updated_quotas(quotas, {job.uid: job for job in jobs}, gone, now)
    return [CostQuota.model_validate(each.wire()) for each in new]


def is_admitted(quotas: list[CostQuota], uid: str) -> bool:
    return all(each.amount is not None for each in reservations(quotas, [uid])[uid])


def figures(made: CostQuota) -> tuple[Decimal, Decimal]:
    return made.status.used, made.status.reserved


def test_a_job_is_counted_with_what_it_has_spent_and_may_still_spend() -> None:
    (made,) = update([new_quota()], running("a", 3), cost(planned_job("b", 20)))
    assert figures(made) == (3, 27)
    assert {entry.name: entry.reserved for entry in made.status.jobs} == {"a": 7, "b": 20}
    assert made.status.period_start == datetime(2026, 11, 1, tzinfo=UTC)
    assert update([made], running("a", 3), cost(planned_job("b", 20))) == [made]


def test_the_oldest_jobs_are_admitted_first_and_smaller_ones_pass_those_that_do_not_fit() -> None:
    jobs = [planned_job(name, size) for name, size in (("a", 60), ("b", 50), ("c", 40))]
    for age, raw in enumerate(jobs):
        raw["metadata"]["creationTimestamp"] = f"2026-11-23T10:0{age}:00Z"
    made = update([new_quota()], *map(cost, reversed(jobs)))
    assert [is_admitted(made, name) for name in "abc"] == [True, False, True]


def test_of_several_quotas_each_holds() -> None:
    quotas = [new_quota("100", name="wide"), new_quota("15", "Day", name="tight")]
    made = update(quotas, cost(planned_job("a", 10)), cost(planned_job("b", 10)))
    assert [figures(each) for each in made] == [(0, 10), (0, 10)], (
        "nothing is reserved in one alone"
    )
    assert is_admitted(made, "a") and not is_admitted(made, "b")


def test_an_admission_stays_until_the_plan_costs_more_or_the_quota_is_used_up() -> None:
    (made,) = update([new_quota("20")], cost(planned_job("a", 15)))
    (kept,) = update([made], cost(planned_job("a", 12)))
    assert figures(kept) == (0, 12)
    (dearer,) = update([kept], cost(planned_job("a", 25)))
    assert not is_admitted([dearer], "a")
    (used_up,) = update([kept], cost(planned_job("a", 12)), running("b", 20))
    assert not is_admitted([used_up], "a")


def test_a_raised_limit_admits() -> None:
    (made,) = update([new_quota("5")], cost(planned_job("a", 10)))
    assert not is_admitted([made], "a") and made.status.jobs == []
    made.spec.max_cost = "10"
    assert is_admitted(update([made], cost(planned_job("a", 10))), "a")


@pytest.mark.parametrize("end", [None, NOW])
def test_the_sum_begins_anew_with_the_period(end: datetime | None) -> None:
    (made,) = update([new_quota()], running("a", 30, 50), running("b", 4), gone=("b",))
    (made,) = update([made], running("a", 30, 50), running("b", 4), gone=("b",))
    status = {"attempts": [attempt(34, NOW, end)], "cost": {"estimate": "50"}}
    (turned,) = update([made], cost(planned_job("a", **status)), now=NEXT_MONTH)
    assert turned.status.deleted_jobs == 0
    assert turned.status.period_start == datetime(2026, 12, 1, tzinfo=UTC)
    expected = 4 if end is None else 0  # what ended before the turn belongs to the month before
    assert turned.status.used == expected


def in_turn(made: CostQuota, *steps: tuple[str, datetime, float]) -> list[Decimal]:
    """What is used after each step: a period, a time, and what has been spent by the job `a`, which began at NOW.

    The job `b` ended before the first step, and cost 4.
    """
    found = []
    ended = cost(
        finished(planned_job("b", attempts=[attempt(4, EARLIER_THIS_MONTH, EARLIER_THIS_MONTH)]))
    )
    for period, now, spent in steps:
        made.spec.period = period  # type: ignore[assignment]
        (made,) = update([made], running("a", spent), ended, now=now)
        found.append(made.status.used)
    return found


def test_a_period_that_is_edited_to_a_shorter_one_and_back_keeps_its_sum() -> None:
    later = NOW + timedelta(hours=1)
    steps = [
        ("Month", NOW, 3),
        ("Day", later, 5),
        ("Month", later, 6),
        ("Week", later, 6),
        ("Month", later, 7),
    ]
    assert in_turn(new_quota(), *steps) == [7, 2, 10, 3, 11]


def test_a_longer_period_holds_the_shorter_ones_of_which_it_consists() -> None:
    days = [NOW + timedelta(days=number) for number in range(3)]
    steps = [
        *(("Day", day, spent) for day, spent in zip(days, (1, 3, 6), strict=True)),
        ("Month", days[2], 6),
    ]
    assert in_turn(new_quota(period="Day"), *steps) == [1, 2, 3, 6]


@pytest.mark.parametrize("period", ["Day", "Week", "Month"])
@pytest.mark.parametrize("days", [-40, -3, 3, 40, 400])
def test_a_clock_that_steps_over_the_end_of_a_period_and_back_keeps_its_sum(
    period: str, days: int
) -> None:
    wrong, later = NOW + timedelta(days=days), NOW + timedelta(hours=1)
    used = in_turn(new_quota(), (period, NOW, 3), (period, wrong, 3), (period, later, 5))
    assert used[2] - used[0] == 2


def test_a_clock_that_was_set_right_ends_the_period_when_it_ends() -> None:
    steps = [
        ("Month", NOW, 3),
        ("Month", NEXT_MONTH, 3),
        ("Month", NOW, 5),
        ("Month", NEXT_MONTH, 5),
    ]
    assert in_turn(new_quota(), *steps) == [7, 0, 9, 0]


def test_as_many_sums_are_kept_as_two_months_have_days() -> None:
    made = new_quota(period="Day")
    for day in range(70):
        (made,) = update([made], running("a", day + 1), now=NOW + timedelta(days=day))
    assert len(made.status.earlier) == 62
    assert made.status.earlier[-1].used == 1


def test_a_new_quota_counts_attempts_that_began_in_its_period() -> None:
    old = attempt(50, EARLIER, EARLIER + timedelta(days=1))
    ended = finished(planned_job("a", attempts=[old, attempt(8, NOW, NOW)]))
    before = finished(planned_job("b", attempts=[attempt(9, EARLIER, EARLIER)]))
    (made,) = update([new_quota()], cost(ended), cost(before))
    assert made.status.used == 8
    assert [entry.name for entry in made.status.jobs] == ["a"]


def test_a_job_that_cannot_be_read_keeps_what_was_counted() -> None:
    (made,) = update([new_quota()], running("a", 3))
    broken = cost({"metadata": {"name": "a"}, "spec": {}, "status": {"attempts": "none"}})
    assert broken.demand is QuotaDemand.UNKNOWN
    assert update([made], broken) == [made]


@pytest.mark.parametrize(
    "status",
    [
        {"attempts": [{"number": 1, "job": {"name": "j"}, "hourlyPrice": "1E+999999", "gpuSeconds": 1e308}]},
        {"attempts": [attempt(1e308, NOW)]},
        {"attempts": [attempt(-5, NOW)]},
        {"plan": {"hourlyPrice": "1", "estimate": {"cost": "9" * 40, "hours": 1}}},
        {"plan": [], "conditions": 3},
        {"attempts": [{**attempt(5, None), "startTime": "2026-11-23T10:00:00"}]},
    ],
)  # fmt: skip
def test_hostile_figures_break_nothing(status: dict[str, Any]) -> None:
    hostile = cost(planned_job("a", **status))
    made = update([new_quota()], hostile, running("b", 3))
    made = update(made, hostile, running("b", 4))
    assert {entry.name: entry.spent for entry in made[0].status.jobs}["b"] == 4


@pytest.mark.parametrize(
    ("spec", "change", "demand"),
    [
        ({}, {}, QuotaDemand.ADMISSION),
        ({"suspend": True}, {}, QuotaDemand.NOTHING),
        ({"validateOnly": True}, {}, QuotaDemand.NOTHING),
        ({}, {"plan": None}, QuotaDemand.NOTHING),
        (
            {},
            {"plan": {"hourlyPrice": "0", "estimate": {"hours": 1, "cost": "0"}}},
            QuotaDemand.NOTHING,
        ),
        ({}, {"attempts": [attempt(1, NOW)]}, QuotaDemand.RESERVATION),
        ({}, {"attempts": [attempt(1, NOW, NOW)]}, QuotaDemand.ADMISSION),
        ({"suspend": True}, {"attempts": [attempt(1, NOW, NOW)]}, QuotaDemand.NOTHING),
    ],
)
def test_what_a_job_asks_of_its_quotas(
    spec: dict[str, Any], change: dict[str, Any], demand: QuotaDemand
) -> None:
    assert cost({**planned_job("a", **change), "spec": spec}).demand is demand


def test_what_the_judge_cost_counts_too() -> None:
    raw = planned_job("a", attempts=[attempt(3, NOW, NOW)])
    raw["status"]["evaluation"] = {"prompts": 1, "judgeUsage": {"cost": 2.5}}
    job = cost(finished(raw))
    assert job.demand is QuotaDemand.ENDED
    (made,) = update([new_quota()], job)
    assert made.status.used == Decimal("5.50")


def test_the_conditions_of_a_quota_say_whether_it_is_used_up() -> None:
    new = new_quota("10")
    new.metadata["generation"] = 7
    for spent, exhausted, reason in (
        (3, "False", "WithinCostQuota"),
        (10, "True", "CostQuotaUsedUp"),
    ):
        (made,) = update([new], running("a", spent))
        assert made.status.observed_generation == 7
        found = {
            c.type: (c.status, c.reason, c.observed_generation) for c in made.status.conditions
        }
        assert found == {"Exhausted": (exhausted, reason, 7), "Ready": ("True", "CostCounted", 7)}


def test_a_plan_whose_judge_alone_has_a_price_is_admitted_too() -> None:
    raw = planned_job("a", 5)
    raw["status"]["plan"]["hourlyPrice"] = "0"
    assert cost(raw).demand is QuotaDemand.ADMISSION
    raw["status"]["plan"]["estimate"]["cost"] = "0"
    assert cost(raw).demand is QuotaDemand.NOTHING


def test_what_a_job_has_cost_is_divided_among_its_attempts_and_the_judge_is_the_last_ones() -> None:
    attempts = [attempt(3, EARLIER, EARLIER), attempt(4, NOW, NOW)]
    raw = planned_job("a", attempts=attempts, evaluation={"prompts": 1, "judgeUsage": {"cost": 2}})
    assert [each.cost for each in cost(raw).attempts] == [3, 6]


def test_a_new_period_begins_without_deleted_jobs_and_keeps_jobs_that_are_not_seen() -> None:
    (made,) = update([new_quota()], running("a", 3), running("b", 4))
    (made,) = update([made], running("b", 4), gone=("a",))
    assert made.status.used == 7
    (made,) = update([made], now=NEXT_MONTH)
    assert made.status.used == 0
    assert [(entry.name, entry.before) for entry in made.status.jobs] == [("b", 4)]
