"""The verdict: a model is better only if the interval excludes chance."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from dpojob_api.evaluation import AnswerFigures, Evaluation
from dpojob_api.spec import Requirement
from dpojob_trainer.training.evaluation.answers import Answer
from dpojob_trainer.training.evaluation.records import Record
from dpojob_trainer.training.evaluation.statistics.confidence_intervals import contains
from dpojob_trainer.training.evaluation.verdict import compare

N = 100


def record(outcome: float | None, before: int, after: int) -> Record:
    """A prompt that was won (1), tied (0.5), lost (0) or not judged, with answers of these lengths."""
    old, new = (Answer("text" * length, length, True, 0.0) for length in (before, after))
    return Record("prompt", old, new, None if outcome is None else 0.5, outcome)


def judged(
    outcomes: list[float | None], growth: float = 0.0, require: Requirement | None = None
) -> Evaluation:
    draw = random.Random(7)
    before = [draw.randint(20, 60) for _ in outcomes]
    after = [round(length * (1 + growth) + draw.randint(-2, 2)) for length in before]
    figures = Evaluation(
        before=AnswerFigures(tokens=sum(before) / len(before)),
        after=AnswerFigures(tokens=sum(after) / len(after)),
    )
    return compare(figures, list(map(record, outcomes, before, after)), require)


def test_a_higher_score_wins_and_an_equal_one_ties() -> None:
    def outcome(before: float | None, after: float | None) -> float | None:
        return replace(record(None, 1, 1), before_score=before, after_score=after).outcome

    assert [outcome(0.1, 0.2), outcome(2, 2), outcome(3, -1)] == [1.0, 0.5, 0.0]
    assert outcome(None, 1.0) is None and outcome(1.0, None) is None


@pytest.mark.parametrize(
    ("wins", "verdict"),
    [(0.8, "BetterThanBase"), (0.2, "NotBetter"), (0.5, "Inconclusive"), (0.55, "Inconclusive")],
)
def test_the_interval_decides(wins: float, verdict: str) -> None:
    won = round(wins * N)
    found = judged([1.0] * won + [0.0] * (N - won))
    assert found.verdict == verdict
    assert (found.wins, found.losses) == (won, N - won)
    assert found.win_rate is not None and f"{wins:.0%}" in found.message


def test_an_undecided_one_says_how_many_prompts_would_decide() -> None:
    found = judged([1.0] * 55 + [0.0] * 45)
    assert found.needed_prompts is not None and found.needed_prompts > N
    assert f"about {found.needed_prompts} prompts would decide" in found.message


def test_wins_of_far_longer_answers_are_for_their_length() -> None:
    assert judged([1.0] * N, growth=1.0).verdict == "LongerOnly"
    assert judged([1.0] * N, growth=0.0).verdict == "BetterThanBase"


def test_wins_of_longer_answers_by_a_model_that_loses_at_equal_length_are_for_their_length() -> (
    None
):
    longer = [record(1.0, 40, 40 + extra) for extra in range(20, 60)] * 2
    equal = [record(0.0, 40, 40 + extra) for extra in range(-5, 5)] * 2
    figures = Evaluation(before=AnswerFigures(tokens=40), after=AnswerFigures(tokens=70))
    found = compare(figures, [*longer, *equal], None)
    controlled = found.length_controlled_win_rate
    assert controlled is not None and controlled.high is not None and controlled.high < 0.5
    assert found.verdict == "LongerOnly", found.message


def test_what_is_required_must_be_reached_as_well() -> None:
    outcomes: list[float | None] = [1.0] * 70 + [0.0] * 30
    assert judged(outcomes, require=Requirement(win_rate="0.7")).verdict == "BetterThanBase"
    missed = judged(outcomes, require=Requirement(win_rate="0.75"))
    assert missed.verdict == "RequirementNotMet" and "winRate is 0.75" in missed.message
    longer: list[float | None] = [1.0] * 90 + [0.0] * 10
    shuffled = random.Random(1).sample(longer, N)
    missed = judged(shuffled, growth=0.04, require=Requirement(max_length_growth="0.01"))
    assert missed.verdict == "RequirementNotMet" and "maxLengthGrowth is 0.01" in missed.message


def test_answers_without_a_score_are_counted_and_never_guessed() -> None:
    found = judged([1.0] * 30 + [None] * 70)
    assert (found.wins, found.unjudged, found.verdict) == (30, 70, "BetterThanBase")
    assert found.win_rate is not None and found.win_rate.n == 30
    unread = judged([1.0] * 19 + [None] * 70)
    assert unread.verdict == "NotEvaluated" and unread.win_rate is None
    assert "no verdict that can be read on 70 of 89 prompts" in unread.message


def test_too_few_prompts_are_not_evaluated() -> None:
    few = judged([1.0] * 19)
    assert few.verdict == "NotEvaluated" and few.win_rate is None
    assert "19 prompts were judged, and a verdict needs 20" in few.message


@pytest.mark.parametrize(
    ("wins", "losses", "verdict"),
    [
        (5, 0, "Inconclusive"),
        (6, 0, "BetterThanBase"),
        (0, 5, "Inconclusive"),
        (0, 6, "NotBetter"),
        (6, 1, "Inconclusive"),
    ],
)
def test_a_few_wins_among_ties_are_no_more_than_an_exact_test_says(
    wins: int, losses: int, verdict: str
) -> None:
    found = judged([1.0] * wins + [0.0] * losses + [0.5] * (200 - wins - losses))
    assert found.verdict == verdict, found.message
    if 5 in (wins, losses):
        # The interval alone would call it decided.
        assert found.win_rate is not None and not contains(found.win_rate, 0.5)
        assert f"only {wins + losses} of them are no ties" in found.message


def test_with_random_labels_almost_nothing_is_called_better() -> None:
    called = 0
    for seed in range(100):
        draw = random.Random(seed)
        found = judged([draw.choice([0.0, 0.5, 1.0]) for _ in range(N)], growth=0.3)
        called += found.verdict in ("BetterThanBase", "LongerOnly", "RequirementNotMet")
    assert called <= 8
