"""Paired results of benchmark tasks, and the verdict on them."""

from __future__ import annotations

import random
from itertools import pairwise
from typing import Any

import pytest

from dpojob_api.conditions import Reason
from dpojob_api.evaluation import Evaluation, Interval, TaskResult
from dpojob_api.spec import Requirement
from dpojob_trainer.training.evaluation.statistics.paired_results import (
    adjusted,
    is_different,
    needed_samples,
    paired_result,
)
from dpojob_trainer.training.evaluation.tasks.task_verdict import (
    PRECEDENCE,
    task_verdict,
    with_task_verdict,
    within_requirement,
)


def binary(lost: int, gained: int, same: int, **fields: Any) -> TaskResult:
    before = [1.0] * lost + [0.0] * gained + [1.0] * same
    after = [0.0] * lost + [1.0] * gained + [1.0] * same
    options = {"higher_is_better": True, "limit": None, **fields}
    return paired_result("t", "acc", before, after, **options)


LOST, LEVEL, GAINED = binary(30, 5, 100), binary(3, 2, 100), binary(5, 30, 100)
BAD = TaskResult(name="away", error="no such dataset")


def drop(value: str) -> Requirement:
    return Requirement(max_task_drop=value)


def test_values_of_0_and_1_are_compared_by_mcnemars_test() -> None:
    # McNemar's exact test of 30 against 5: twice the binomial tail, scipy.stats.binomtest(5, 35).
    assert LOST.test == "McNemar" and LOST.p_value == pytest.approx(2.2e-5, rel=0.05)
    change = LOST.difference
    assert change is not None and change.value == pytest.approx(-25 / 135, abs=1e-4)
    assert change.high is not None and change.high < 0 and change.n == 135
    assert LOST.before is not None and LOST.before.value == pytest.approx(130 / 135, abs=1e-4)
    assert LOST.before.standard_error == pytest.approx(0.0163, abs=1e-3)
    assert is_different(LOST) and is_different(GAINED) and not is_different(LEVEL)


def test_a_few_samples_without_a_change_do_not_show_that_there_is_none() -> None:
    same = binary(0, 0, 20).difference
    assert same is not None and same.low is not None and same.high is not None
    assert same.value == 0 and same.low < -0.05 and same.high > 0.05


def test_other_values_are_compared_by_students_paired_test() -> None:
    generator = random.Random(1)
    before = [generator.gauss(5, 3) for _ in range(40)]
    after = [value - 0.5 + generator.gauss(0, 0.2) for value in before]
    result = paired_result("t", "bleu", before, after, higher_is_better=True, limit=40)
    # The samples differ by 3, their paired change by 0.2.
    assert result.test == "PairedT" and is_different(result) and result.change < 0
    lower = paired_result("t", "ppl", before, after, higher_is_better=False, limit=None)
    assert lower.change > 0 and task_verdict([lower], None)[0] == Reason.BETTER_THAN_BASE
    one = paired_result("t", "bleu", [0.3], [0.4], higher_is_better=True, limit=1)
    assert not is_different(one) and one.before is not None and one.before.standard_error is None
    equal = paired_result("t", "bleu", before, before, higher_is_better=True, limit=None)
    assert equal.p_value == 1.0


def test_a_task_of_few_samples_is_neither_better_nor_worse() -> None:
    # Two samples that change alike have no spread, and Student's test would be certain.
    shifted = paired_result("t", "bleu", [0.3, 0.6], [0.2, 0.5], higher_is_better=True, limit=2)
    lost = binary(19, 0, 0)
    for few in (shifted, lost):
        for require in (None, drop("0.02")):
            reason, message = task_verdict([few], require)
            assert reason == Reason.INCONCLUSIVE, message
            assert message.endswith(" Fewer than 20 samples decide nothing: t."), message
            assert "holds 0" not in message
    assert not within_requirement([lost], drop("0.02"))
    assert task_verdict([binary(20, 0, 0)], None)[0] == Reason.TASK_REGRESSED


def test_of_many_tasks_without_a_change_none_is_called_different() -> None:
    generator, called = random.Random(0), 0
    for _ in range(20):
        results = []
        for _ in range(8):
            changed = [generator.choice((-1, 1)) for _ in range(20)]
            results.append(binary(changed.count(-1), changed.count(1), 80))
        called += any(map(is_different, adjusted(results)))
    # Without the adjustment about one evaluation in four would say so.
    assert called <= 2


def test_more_samples_are_asked_for_the_smaller_the_difference() -> None:
    needed = [
        needed_samples(Interval(value=value, low=value - 0.1, high=value + 0.1, n=100))
        for value in (0.08, 0.04, 0.02)
    ]
    assert (
        all(less < more for less, more in pairwise([n for n in needed if n])) and len(needed) == 3
    )
    assert needed_samples(Interval(value=0.0, low=-0.1, high=0.1, n=100)) is None


@pytest.mark.parametrize(
    ("results", "require", "reason"),
    [
        ([LOST], None, Reason.TASK_REGRESSED),
        ([GAINED, LOST], drop("0.02"), Reason.TASK_REGRESSED),
        ([LOST, BAD], None, Reason.TASK_REGRESSED),
        # A loss that is real and allowed.
        ([LOST], drop("0.3"), Reason.INCONCLUSIVE),
        # A larger loss than allowed that may be chance.
        ([LEVEL], drop("0.001"), Reason.INCONCLUSIVE),
        ([LEVEL], None, Reason.INCONCLUSIVE),
        ([LEVEL, GAINED], None, Reason.BETTER_THAN_BASE),
        ([GAINED, BAD], None, Reason.NOT_EVALUATED),
    ],
)
def test_the_verdict_of_tasks_alone(
    results: list[TaskResult], require: Requirement | None, reason: Reason
) -> None:
    found, message = task_verdict(results, require)
    assert found == reason and message.endswith("."), message
    within = (
        reason not in (Reason.TASK_REGRESSED, Reason.NOT_EVALUATED) and "holds 0" not in message
    )
    assert within_requirement(results, require) == within


def test_a_loss_that_may_be_chance_says_how_many_samples_would_decide() -> None:
    message = task_verdict([LEVEL], drop("0.001"))[1]
    assert "maxTaskDrop is 0.001, and the interval holds 0; about" in message


@pytest.mark.parametrize(
    ("judged", "results", "reason"),
    [
        (Reason.BETTER_THAN_BASE, [LEVEL], Reason.BETTER_THAN_BASE),
        (Reason.BETTER_THAN_BASE, [LOST], Reason.TASK_REGRESSED),
        (Reason.BETTER_THAN_BASE, [BAD], Reason.NOT_EVALUATED),
        (Reason.NOT_BETTER, [LOST], Reason.NOT_BETTER),
        (Reason.NOT_BETTER, [GAINED], Reason.NOT_BETTER),
        (Reason.INCONCLUSIVE, [GAINED], Reason.INCONCLUSIVE),
        (Reason.INCONCLUSIVE, [LOST], Reason.TASK_REGRESSED),
        (Reason.NOT_EVALUATED, [LOST], Reason.TASK_REGRESSED),
        (Reason.LONGER_ONLY, [BAD], Reason.LONGER_ONLY),
    ],
)
def test_tasks_beside_a_judge(judged: Reason, results: list[TaskResult], reason: Reason) -> None:
    evaluation = Evaluation(verdict=judged, message="The judge says so.", tasks=results)
    found = with_task_verdict(evaluation, None, judged=True)
    assert found.verdict == reason
    assert "The judge says so." in found.message and "Task" in found.message


def test_every_verdict_has_a_place_in_the_order() -> None:
    from dpojob_operator.decide.conditions import IMPROVED_BY_VERDICT

    assert set(PRECEDENCE) == set(IMPROVED_BY_VERDICT)
