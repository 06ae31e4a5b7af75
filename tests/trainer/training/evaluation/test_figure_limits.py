"""Each figure has a limit, and only beyond it is it named."""

from typing import Any

import pytest

from dpojob_api.evaluation import Evaluation
from dpojob_trainer.training.evaluation.figure_limits import figures_beyond_limits

GOOD: dict[str, Any] = {
    "rewardAccuracy": {"value": 0.7, "low": 0.6, "high": 0.8, "n": 100},
    "prompts": 32,
    "before": {"tokens": 50, "ended": 1.0, "repetition": 0.02},
    "after": {"tokens": 55, "ended": 0.97, "repetition": 0.03},
    "lengthChange": {"value": 5, "low": 1, "high": 9, "n": 32},
    "klPerToken": 0.01,
}


def figures(**changes: Any) -> list[str | None]:
    document = {**GOOD, **changes}
    return [found.figure for found in figures_beyond_limits(Evaluation.model_validate(document))]


def test_a_good_run_has_none() -> None:
    assert figures() == []


@pytest.mark.parametrize(
    ("change", "figure"),
    [
        ({"rewardAccuracy": {"value": 0.55, "low": 0.4, "high": 0.7, "n": 40}}, "RewardAccuracy"),
        ({"rewardAccuracy": {"value": 0.1, "low": 0.0, "high": 0.3, "n": 40}}, "RewardAccuracy"),
        ({"before": {"tokens": 30, "ended": 1.0, "repetition": 0.02}}, "Length"),
        ({"before": {"tokens": 90, "ended": 1.0, "repetition": 0.02},
          "lengthChange": {"value": -35, "low": -40, "high": -30, "n": 32}}, "Length"),
        ({"after": {"tokens": 55, "ended": 0.5, "repetition": 0.03}}, "Ended"),
        ({"after": {"tokens": 55, "ended": 1.0, "repetition": 0.4}}, "Repetition"),
        ({"klPerToken": 0.5}, "Distance"),
    ],
)  # fmt: skip
def test_beyond_its_limit_it_is_named(change: dict[str, Any], figure: str) -> None:
    assert figures(**change) == [figure]


def test_a_change_of_length_within_its_interval_is_none() -> None:
    change = {"value": 15, "low": -5, "high": 35, "n": 4}
    assert figures(before={"tokens": 30, "ended": 1.0}, lengthChange=change) == []


def test_answers_that_never_ended_before_training_are_no_warning() -> None:
    assert figures(before={"tokens": 55, "ended": 0.5, "repetition": 0.03},
                   after={"tokens": 55, "ended": 0.5, "repetition": 0.03}) == []  # fmt: skip
