"""Cost, time and budget, from the GPU time of the attempts."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from tests.kit.builders import training_status

from dpojob_api.base import MAX_COUNT
from dpojob_api.job import Attempt, ChildJob
from dpojob_api.progress import Progress
from dpojob_api.spec import Budget
from dpojob_operator.decide.cost import (
    budget_exceeded,
    budget_seconds_left,
    cost_status,
    eta_seconds,
    total_cost,
    training_seconds,
)


def attempt(gpu_seconds: float, price: str = "2", gpus: int = 1) -> Attempt:
    return Attempt(
        number=1, job=ChildJob(name="t"), pool="p", gpus=gpus, hourly_price=Decimal(price),
        gpu_seconds=gpu_seconds,
    )  # fmt: skip


def test_each_attempt_costs_its_own_price() -> None:
    assert total_cost([attempt(3600, "2"), attempt(1800, "3")]) == Decimal("3.5")
    assert total_cost([]) == 0


def test_training_time_is_the_mean_over_the_gpus_of_an_attempt() -> None:
    assert training_seconds([attempt(100, gpus=4), attempt(30, gpus=1)]) == 55
    assert training_seconds([attempt(100, gpus=0)]) == 0


@pytest.mark.parametrize(
    ("progress", "seconds"),
    [
        (None, None),
        ({"etaSeconds": 7, "stepsPerSecond": 1, "maxSteps": 100}, 7),
        ({"etaSeconds": 0, "stepsPerSecond": 1, "maxSteps": 100}, 0),
        ({"step": 40, "maxSteps": 100, "stepsPerSecond": 2.0}, 30),
        ({"step": 120, "maxSteps": 100, "stepsPerSecond": 2.0}, 0),
        ({"step": 40, "maxSteps": 100}, None),
        ({"step": 40, "stepsPerSecond": 2.0}, None),
        ({"step": 1, "maxSteps": 2**50, "stepsPerSecond": 1e-300}, MAX_COUNT),
    ],
)
def test_the_time_to_the_last_step(progress: dict[str, Any] | None, seconds: float | None) -> None:
    found = eta_seconds(None if progress is None else Progress.model_validate(progress))
    assert found == seconds


@pytest.mark.parametrize(
    ("spent", "left", "estimate"),
    [(0, None, "10.00"), (36000, None, "20.00"), (3600, 1800, "5.25"), (3600, 0, "2.00")],
    ids=[
        "the plan's", "at least what was spent", "by the step rate, for both GPUs, and the evaluation",
        "what was spent, once training is over",
    ],
)  # fmt: skip
def test_the_cost_in_total(spent: float, left: int | None, estimate: str) -> None:
    status = training_status()
    plan = status.plan
    assert plan is not None
    plan = plan.model_copy(
        update={
            "gpus": 2,
            "hourly_price": Decimal(2),
            "estimate": plan.estimate.model_copy(
                update={
                    "cost": Decimal(10),
                    "answer_seconds": 600.0,
                    "judge_seconds": 300.0,
                    "judge_cost": Decimal("0.25"),
                }
            ),
        }
    )
    status.attempts = [attempt(spent)]
    status.progress = None if left is None else Progress(eta_seconds=left)
    cost = cost_status(status, plan, "EUR")
    assert (str(cost.estimate), cost.currency) == (estimate, "EUR")
    assert cost.so_far == Decimal(spent) * 2 / 3600


@pytest.mark.parametrize(
    ("budget", "spent", "message"),
    [
        ({}, [attempt(1e9)], None),
        ({"maxCost": "2.00"}, [attempt(3599.9)], None),
        ({"maxCost": "2.00"}, [attempt(3600)],
         "Training has cost 2.00 USD; budget.maxCost is 2.00."),
        ({"maxCost": "0"}, [attempt(0)], None),
        ({"maxCost": "0"}, [attempt(1)], None),
        ({"maxCost": "0"}, [attempt(3600)], "Training has cost 2.00 USD; budget.maxCost is 0."),
        ({"maxDuration": "1h"}, [attempt(3599)], None),
        ({"maxDuration": "1h"}, [attempt(3600)], "Training has taken 1h; budget.maxDuration is 1h."),
        ({"maxDuration": "1h"}, [attempt(3600, gpus=2)], None),
        ({"maxDuration": "0s"}, [attempt(0)], None),
        ({"maxDuration": "0s"}, [attempt(0.5)], "Training has taken 0s; budget.maxDuration is 0s."),
        ({"maxCost": "9", "maxDuration": "1h"}, [attempt(1800), attempt(1800)],
         "Training has taken 1h; budget.maxDuration is 1h."),
    ],
)  # fmt: skip
def test_a_budget_is_used_up_when_it_is_reached(
    budget: dict[str, str], spent: list[Attempt], message: str | None
) -> None:
    assert budget_exceeded(Budget.model_validate(budget), spent, "USD") == message


@pytest.mark.parametrize(
    ("budget", "attempts", "gpus", "left"),
    [
        ({}, [attempt(10)], 1, None),
        ({"maxDuration": "1h"}, [attempt(600)], 1, 3000),
        ({"maxDuration": "1h"}, [attempt(7200)], 1, 0),
        ({"maxCost": "4.00"}, [attempt(3600)], 1, 3600),
        ({"maxCost": "4.00"}, [attempt(3600)], 2, 1800),
        ({"maxCost": "4.00"}, [attempt(3600, "1"), attempt(0, "3")], 1, 3600),
        ({"maxCost": "4.00"}, [attempt(3600, "1"), attempt(0, "0")], 1, None),
        ({"maxCost": "4.00"}, [attempt(3600)], 0, None),
        ({"maxCost": "4.00"}, [], 1, None),
        ({"maxCost": "4.00", "maxDuration": "2h"}, [attempt(3600)], 2, 1800),
        ({"maxCost": "4.00", "maxDuration": "61m"}, [attempt(3600)], 1, 60),
    ],
)
def test_the_time_until_the_budget_is_used_up(
    budget: dict[str, str], attempts: list[Attempt], gpus: int, left: float | None
) -> None:
    found = budget_seconds_left(Budget.model_validate(budget), attempts, gpus)
    assert found == (None if left is None else pytest.approx(left))
