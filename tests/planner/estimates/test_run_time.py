"""The time of a run: steps, evaluations, checkpoints and the reference, by one formula."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.kit.planning import job, pool, report, shape

from dpojob_api.plan import Plan
from dpojob_api.report import InspectionReport
from dpojob_api.spec import DPOJobSpec
from dpojob_planner import plan


def with_evaluation(rows: int, eval_rows: int, model: str = "qwen2.5-1.5b") -> InspectionReport:
    return report(shape(model), rows).model_copy(update={"eval_rows": eval_rows})


def planned(spec: DPOJobSpec, rows: int, eval_rows: int, **offered: Any) -> Plan:
    answer = plan(spec, with_evaluation(rows, eval_rows), [pool(**{"memory": 80, **offered})])
    assert isinstance(answer, Plan), answer
    return answer


@settings(max_examples=100, deadline=None)
@given(
    method=st.sampled_from(["auto", "full", "lora", "qlora"]),
    memory=st.sampled_from([16, 24, 40, 80]),
    rows=st.integers(1, 200_000),
    eval_rows=st.integers(0, 5_000),
    epochs=st.sampled_from([0.5, 1, 3]),
)
def test_the_hours_are_the_sum_of_their_parts(
    method: str, memory: int, rows: int, eval_rows: int, epochs: float
) -> None:
    spec = job(training={"method": method, "epochs": epochs})
    answer = plan(spec, with_evaluation(rows, eval_rows), [pool(memory=memory)])
    if not isinstance(answer, Plan):
        return
    made = answer.estimate
    parts = (
        made.steps * made.step_seconds
        + made.evaluations * made.evaluation_seconds
        + made.checkpoints * made.checkpoint_seconds
        + made.reference_seconds
        + made.answer_seconds
        + made.judge_seconds
    )
    assert made.hours == pytest.approx(parts / 3600, abs=1e-4)
    assert (made.reference_seconds > 0) == answer.precompute_reference
    assert (made.evaluations > 0) == (eval_rows > 0)


@settings(max_examples=100, deadline=None)
@given(rows=st.integers(1, 50_000), more=st.integers(1, 50_000), eval_rows=st.integers(0, 2_000))
def test_more_rows_never_take_less_time(rows: int, more: int, eval_rows: int) -> None:
    less = planned(job(training={"method": "lora"}), rows, eval_rows).estimate.hours
    assert planned(job(training={"method": "lora"}), rows + more, eval_rows).estimate.hours >= less


@pytest.mark.parametrize(
    ("method", "precomputed", "share"),
    [("full", False, 2 / 4), ("full", True, 1 / 3), ("lora", False, 2 / 3), ("lora", True, 1 / 2)],
)
def test_an_evaluation_takes_its_passes(method: str, precomputed: bool, share: float) -> None:
    """A forward of the model, and one of a live reference, of those of a step over as many pairs."""
    spec = job(training={"method": method, "epochs": 3 if precomputed else 0.1})
    made = planned(spec, 8_000, 8 * 50)
    assert made.precompute_reference == precomputed
    assert not made.gradient_checkpointing
    estimate = made.estimate
    assert estimate.evaluation_seconds / (50 * estimate.step_seconds) == pytest.approx(share, rel=0.01)  # fmt: skip


def test_all_evaluations_are_paid_for() -> None:
    without = planned(job(training={"method": "lora"}), 10_000, 0).estimate
    made = planned(job(training={"method": "lora"}), 10_000, 100).estimate
    assert (without.evaluations, made.evaluations) == (0, 10)
    assert (made.hours - without.hours) * 3600 >= 10 * made.evaluation_seconds - 1


def test_evaluations_become_fewer_where_they_would_take_a_tenth_of_the_time() -> None:
    made = planned(job(training={"method": "lora"}), 10_000, 500).estimate
    spent = made.evaluations * (made.evaluation_seconds + made.checkpoint_seconds)
    assert 2 <= made.evaluations < 10
    assert spent <= 0.1 * made.steps * made.step_seconds
    assert planned(job(training={"method": "lora"}), 1_000, 5_000).estimate.evaluations == 2


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"eval_strategy": "no"}, 0),
        ({"eval_strategy": "epoch"}, 2),
        ({"save_strategy": "epoch"}, 2),
        ({"eval_steps": 100}, 25),
        ({"eval_steps": 0.25}, 4),
        ({"save_steps": 500}, 5),
        ({"save_steps": 500, "load_best_model_at_end": False}, 10),
    ],
)
def test_evaluations_that_are_asked_for_are_counted(
    arguments: dict[str, Any], expected: int
) -> None:
    spec = job(training={"method": "lora", "epochs": 2, "arguments": arguments})
    made = planned(spec, 10_000, 50).estimate
    assert (made.steps, made.evaluations) == (2500, expected)


def test_a_large_checkpoint_is_written_less_often_and_given_time_when_the_pod_stops() -> None:
    large = planned(job(training={"method": "full"}), 100_000, 100)
    small = planned(job(training={"method": "lora"}), 100_000, 100)
    assert large.optimizer == "adamw"
    assert large.checkpoint.size_gib == pytest.approx(
        12 * shape("qwen2.5-1.5b").parameters / 2**30, rel=0.01
    )
    save = large.estimate.checkpoint_seconds
    assert save == pytest.approx(large.checkpoint.size_gib * 2**30 / (125 * 2**20), rel=0.01)
    assert save > 120  # The installation's grace period alone would lose the checkpoint.
    assert large.checkpoint.grace_period_seconds >= save + large.estimate.step_seconds + 60
    assert small.checkpoint.grace_period_seconds < 120
    assert large.checkpoint.interval_seconds > small.checkpoint.interval_seconds == 900
    assert save <= 0.05 * large.checkpoint.interval_seconds
