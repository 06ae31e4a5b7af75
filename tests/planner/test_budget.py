"""Time, money and their limits."""

from __future__ import annotations

import re
from decimal import Decimal

import pytest
from tests.kit.planning import catalogue, job, planned, pool, refused, report, shape

from dpojob_api.report import Lengths, Percentiles
from dpojob_planner import plan
from dpojob_planner.estimates.training_work import padded_length, training_work

LENGTHS = Lengths(longest=Percentiles(p50=400, p95=900, p99=1000, max=3000))


def test_steps_count_whole_batches_per_epoch() -> None:
    assert training_work(job(), report(10**9, rows=17)).steps == 3
    assert training_work(job(training={"epochs": 2}), report(10**9, rows=16)).steps == 4
    assert (
        training_work(job(training={"arguments": {"max_steps": 5}}), report(10**9, rows=999)).steps
        == 5
    )


@pytest.mark.parametrize(("pairs", "expected"), [(1, 400), (19, 900), (99, 1000), (10_000, 1024)])
def test_batches_are_padded_to_their_longest_row(pairs: int, expected: int) -> None:
    assert padded_length(LENGTHS, pairs, 1024) == pytest.approx(expected)


def test_without_lengths_every_row_is_as_long_as_is_allowed() -> None:
    assert padded_length(None, 4, 1024) == 1024


def test_characters_count_as_quarter_tokens() -> None:
    characters = LENGTHS.model_copy(update={"unit": "characters"})
    assert padded_length(characters, 1, 1024) == 100


def test_cost_is_hours_times_price_times_gpus_in_decimals() -> None:
    spec = job(hardware={"gpus": 4})
    found = planned(spec, shape("qwen2.5-0.5b"), [pool(memory=80, perNode=4, hourlyPrice="0.10")])
    assert found.estimate.cost == Decimal(str(found.estimate.hours)) * 4 * Decimal("0.10")
    assert found.hourly_price == Decimal("0.10")
    assert re.fullmatch(r"\d+\.\d\d", found.wire()["estimate"]["cost"])


def test_twice_the_rows_take_twice_the_time() -> None:
    one = planned(job(), shape("qwen2.5-0.5b"), catalogue(), rows=8_000).estimate
    two = planned(job(), shape("qwen2.5-0.5b"), catalogue(), rows=16_000).estimate
    assert two.hours == pytest.approx(2 * one.hours, rel=0.01)
    assert two.steps == 2 * one.steps


def test_without_rows_nothing_is_estimated_and_no_budget_judged() -> None:
    found = planned(job(budget={"maxCost": "0.01"}), shape("qwen2.5-0.5b"), catalogue(), rows=0)
    assert found.estimate.hours == found.estimate.steps == 0
    assert found.estimate.cost == Decimal(0)
    assert any("not known" in reason for reason in found.reasons)


def test_a_budget_too_small_says_by_how_much_and_what_would_fit() -> None:
    free = planned(job(hardware={"pool": "t4-small"}), shape("qwen2.5-0.5b"), catalogue())
    limit = (free.estimate.cost / 2).quantize(Decimal("0.01"))
    spec = job(hardware={"pool": "t4-small"}, budget={"maxCost": str(limit)})
    # LoRA takes fewer passes, but not half as many.
    refusal = refused(spec, shape("qwen2.5-0.5b"), catalogue())
    assert refusal.reason == "BudgetTooSmall"
    assert f"more than budget.maxCost {limit}" in refusal.error
    line = next(line for line in refusal.considered if line.pool == "t4-small")
    assert line.verdict == "overBudget"
    for pattern, field in (
        (r"training.epochs ([0-9.]+)", "epochs"),
        (r"about (\d+) pairs", "rows"),
    ):
        found = re.search(pattern, refusal.error)
        assert found is not None
        value = found[1]
        training = {"epochs": float(value)} if field == "epochs" else {}
        rows = int(value) if field == "rows" else 10_000
        smaller = job(
            hardware={"pool": "t4-small"}, budget={"maxCost": str(limit)}, training=training
        )
        planned(smaller, shape("qwen2.5-0.5b"), catalogue(), rows=rows)
    enough = re.search(r"maxCost ([0-9.]+)\.$", refusal.error)
    assert enough is not None
    spec = job(hardware={"pool": "t4-small"}, budget={"maxCost": enough[1]})
    planned(spec, shape("qwen2.5-0.5b"), catalogue())


def test_a_duration_too_short() -> None:
    spec = job(budget={"maxDuration": "5m"})
    refusal = refused(spec, shape("qwen2.5-7b"), catalogue())
    assert refusal.reason == "BudgetTooSmall"
    assert "more than budget.maxDuration 5m" in refusal.error
    enough = re.search(r"maxDuration (\d+m)\.$", refusal.error)
    assert enough is not None
    planned(job(budget={"maxDuration": enough[1]}), shape("qwen2.5-7b"), catalogue())


def test_a_faster_pool_is_taken_when_the_first_takes_too_long() -> None:
    slow = planned(job(), shape("qwen2.5-0.5b"), catalogue())
    minutes = int(slow.estimate.hours * 60 * 0.5)
    found = planned(job(budget={"maxDuration": f"{minutes}m"}), shape("qwen2.5-0.5b"), catalogue())
    assert found.pool != slow.pool
    assert found.estimate.hours * 60 <= minutes
    assert "finds no memory and budget on t4-small" in found.reasons[0]


def test_the_same_budget_is_never_exceeded_by_the_plan() -> None:
    for cents in range(20, 400, 20):
        spec = job(budget={"maxCost": f"{cents / 100:.2f}"})
        answer = plan(spec, report(shape("qwen2.5-0.5b")), catalogue())
        if answer.considered and hasattr(answer, "estimate"):
            assert answer.estimate.cost <= Decimal(cents) / 100
