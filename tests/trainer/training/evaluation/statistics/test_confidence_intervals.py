"""Intervals: what they promise, on labels whose truth is known."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dpojob_trainer.training.evaluation.statistics import confidence_intervals

OUTCOMES = st.lists(st.sampled_from([0.0, 0.5, 1.0]), min_size=1, max_size=300)
SEEDS = range(100)
N = 150


def drawn(seed: int, win: float, tie: float, n: int = N) -> list[float]:
    draw = np.random.default_rng(seed)
    return [float(x) for x in draw.choice([1.0, 0.5, 0.0], n, p=[win, tie, 1 - win - tie])]


@pytest.mark.parametrize("tie", [0.0, 0.3, 0.7])
def test_with_random_labels_the_interval_holds_a_half_in_90_to_99_of_100(tie: float) -> None:
    rate = (1 - tie) / 2
    intervals = [confidence_intervals.win_rate(drawn(seed, rate, tie)) for seed in SEEDS]
    assert 90 <= sum(confidence_intervals.contains(interval, 0.5) for interval in intervals) <= 99


@pytest.mark.parametrize(("win", "tie"), [(0.7, 0.0), (0.5, 0.4), (0.2, 0.3)])
def test_the_interval_holds_the_true_rate_about_as_often_as_it_says(win: float, tie: float) -> None:
    truth = win + tie / 2
    intervals = [confidence_intervals.win_rate(drawn(seed, win, tie)) for seed in SEEDS]
    assert sum(confidence_intervals.contains(interval, truth) for interval in intervals) >= 88


def test_with_random_labels_the_length_controlled_interval_holds_a_half() -> None:
    held = 0
    for seed in SEEDS:
        lengths = np.random.default_rng(1000 + seed).integers(10, 90, (2, N))
        interval = confidence_intervals.length_controlled_win_rate(
            drawn(seed, 0.5, 0.0), *lengths.tolist()
        )
        held += confidence_intervals.contains(interval, 0.5)
    assert 90 <= held <= 99


@given(OUTCOMES)
def test_swapping_the_models_mirrors_the_interval(outcomes: list[float]) -> None:
    one, other = (confidence_intervals.win_rate(o) for o in (outcomes, [1 - x for x in outcomes]))
    assert one.value is not None and one.low is not None and other.high is not None
    assert one.low == pytest.approx(1 - other.high, abs=1e-9)
    assert 0 <= one.low <= one.value + 1e-9
    assert one.n == len(outcomes)


@given(st.integers(1, 200))
def test_without_ties_it_is_wilsons_interval(wins: int) -> None:
    n, z = 200, 1.959963984540054
    p = wins / n
    center = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    interval = confidence_intervals.win_rate([1.0] * wins + [0.0] * (n - wins))
    assert interval.low == pytest.approx(center - half)
    assert interval.high == pytest.approx(center + half)


def test_ties_alone_decide_nothing() -> None:
    assert confidence_intervals.contains(confidence_intervals.win_rate([0.5] * 20), 0.5)
    assert confidence_intervals.needed_comparisons([0.5] * 20) is None


def test_more_comparisons_of_the_needed_number_would_decide() -> None:
    outcomes = [1.0] * 54 + [0.0] * 46
    assert confidence_intervals.contains(confidence_intervals.win_rate(outcomes), 0.5)
    needed = confidence_intervals.needed_comparisons(outcomes)
    assert needed is not None and 500 < needed < 700
    more = outcomes * math.ceil(needed * 1.02 / len(outcomes))
    assert not confidence_intervals.contains(confidence_intervals.win_rate(more), 0.5)


def test_a_judge_of_length_alone_is_at_a_half_where_both_are_equally_long() -> None:
    draw = np.random.default_rng(3)
    before, after = draw.integers(20, 60, N), draw.integers(40, 100, N)
    outcomes = [float(a > b) if a != b else 0.5 for a, b in zip(after, before, strict=True)]
    assert not confidence_intervals.contains(confidence_intervals.win_rate(outcomes), 0.5)
    controlled = confidence_intervals.length_controlled_win_rate(
        outcomes, before.tolist(), after.tolist()
    )
    assert confidence_intervals.contains(controlled, 0.5)


def test_where_every_answer_is_far_longer_and_wins_length_may_be_why() -> None:
    controlled = confidence_intervals.length_controlled_win_rate([1.0] * N, [20] * N, [50] * N)
    assert confidence_intervals.contains(controlled, 0.5)


def test_a_better_model_of_the_same_length_stays_better() -> None:
    draw = np.random.default_rng(4)
    before, after = draw.integers(20, 60, N), draw.integers(20, 60, N)
    outcomes = drawn(4, 0.9, 0.0)
    controlled = confidence_intervals.length_controlled_win_rate(
        outcomes, before.tolist(), after.tolist()
    )
    assert controlled.low is not None and controlled.low > 0.7


def test_a_paired_change_is_students_interval_of_the_differences() -> None:
    draw = np.random.default_rng(5)
    before = draw.normal(10, 50, 40)
    after = before + draw.normal(2, 1, 40)
    change = confidence_intervals.paired_change(before.tolist(), after.tolist())
    assert change.low is not None and change.high is not None
    # Unpaired, the spread of 50 would hide a change of 2.
    assert 1.5 < change.low < 2 < change.high < 2.5
    assert confidence_intervals.paired_change([1.0], [3.0]).low is None
