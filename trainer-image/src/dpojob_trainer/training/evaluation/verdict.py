"""The verdict on a tuned model, from the judge's scores of both models' answers."""

from __future__ import annotations

from collections.abc import Sequence

from dpojob_api.conditions import Reason
from dpojob_api.evaluation import FEWEST_PROMPTS, Evaluation, Interval
from dpojob_api.spec import Requirement

from . import confidence_intervals
from .answers import Answer

CHANCE = 0.5
LONGER = 0.05
"""Growth of the mean length from which a win may be due to length alone."""


def outcome(before: float | None, after: float | None) -> float | None:
    """1 where the tuned answer has the higher score, 0.5 for a tie, else 0; None without both scores."""
    if before is None or after is None:
        return None
    return 0.5 if before == after else float(after > before)


def compare(
    evaluation: Evaluation,
    outcomes: Sequence[float | None],
    before: Sequence[Answer],
    after: Sequence[Answer],
    require: Requirement | None,
) -> Evaluation:
    """`evaluation` with win rates and the verdict.

    Args:
        evaluation: With the figures of both models' answers.
        outcomes: Per prompt: 1 where the tuned model wins, 0.5 for a tie, 0; None where it was not judged.
        before: The answers of the model before, in the same order.
        after: The tuned model's answers.
        require: What the user requires.
    """
    judged = [at for at, found in enumerate(outcomes) if found is not None]
    won = [found for found in outcomes if found is not None]
    counts = {
        "wins": won.count(1.0),
        "ties": won.count(0.5),
        "losses": won.count(0.0),
        "unjudged": len(outcomes) - len(won),
    }
    if len(won) < FEWEST_PROMPTS and len(outcomes) >= FEWEST_PROMPTS:
        return not_evaluated(
            evaluation.model_copy(update=counts),
            f"The judge gave no verdict that can be read on {counts['unjudged']} of {len(outcomes)} prompts, and "
            f"{FEWEST_PROMPTS} are needed: ask another judge.",
        )
    if len(won) < FEWEST_PROMPTS:
        return not_evaluated(
            evaluation.model_copy(update=counts),
            f"{len(won)} prompts were judged, and a verdict needs {FEWEST_PROMPTS}: hold out more pairs (dataset.eval), or "
            "name more prompts (evaluation.prompts).",
        )
    rate = confidence_intervals.win_rate(won)
    controlled = confidence_intervals.length_controlled_win_rate(
        won, [before[at].tokens for at in judged], [after[at].tokens for at in judged]
    )
    needed = (
        confidence_intervals.needed_comparisons(won)
        if confidence_intervals.holds(rate, CHANCE)
        else None
    )
    evaluation = evaluation.model_copy(
        update={
            **counts,
            "win_rate": rate,
            "length_controlled_win_rate": controlled,
            "needed_prompts": needed,
        }
    )
    reason, message = _verdict(evaluation, rate, controlled, require)
    return evaluation.model_copy(update={"verdict": reason, "message": message})


def not_evaluated(evaluation: Evaluation, message: str) -> Evaluation:
    """`evaluation` without a verdict, for the reason in `message`."""
    return evaluation.model_copy(update={"verdict": Reason.NOT_EVALUATED, "message": message})


def _verdict(
    evaluation: Evaluation, rate: Interval, controlled: Interval, require: Requirement | None
) -> tuple[Reason, str]:
    wins = f"The tuned model wins {describe(rate)} of {rate.n} prompts"
    if confidence_intervals.holds(rate, CHANCE):
        needed = evaluation.needed_prompts
        enough = f"; about {needed} prompts would decide" if needed else ""
        return Reason.INCONCLUSIVE, f"{wins}: the interval holds 50%{enough}."
    if (rate.value or 0) < CHANCE:
        return Reason.NOT_BETTER, f"{wins}: the model before is better."
    growth = length_growth(evaluation)
    if growth > LONGER and confidence_intervals.holds(controlled, CHANCE):
        return Reason.LONGER_ONLY, (
            f"{wins}, and its answers are {growth:.0%} longer: at equal length it would win {describe(controlled)}, "
            "so length alone may be why."
        )
    missed = _missed(rate, growth, require)
    if missed:
        return Reason.REQUIREMENT_NOT_MET, f"{wins}, but {' and '.join(missed)}."
    return Reason.BETTER_THAN_BASE, (
        f"{wins}; at equal length it would win {describe(controlled)}: it is better than the model before."
    )


def _missed(rate: Interval, growth: float, require: Requirement | None) -> list[str]:
    require = require or Requirement()
    least, most = require.win_rate, require.max_length_growth
    missed = []
    if least is not None and (rate.value or 0) < float(least):
        missed.append(f"evaluation.require.winRate is {least}")
    if most is not None and growth > float(most):
        missed.append(
            f"answers are {growth:.0%} longer and evaluation.require.maxLengthGrowth is {most}"
        )
    return missed


def length_growth(evaluation: Evaluation) -> float:
    """The growth of the mean length of answers, as a share; 0 where it is not known."""
    before, after = evaluation.before, evaluation.after
    if before is None or after is None or not before.tokens or after.tokens is None:
        return 0.0
    return after.tokens / before.tokens - 1


def describe(interval: Interval) -> str:
    """A share with its interval, such as `62% (95% interval 55% to 69%)`."""
    return f"{interval.value or 0:.0%} (95% interval {interval.low or 0:.0%} to {interval.high or 0:.0%})"
