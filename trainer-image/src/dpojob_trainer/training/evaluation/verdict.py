"""The verdict on a tuned model, from the judge's scores of both models' answers."""

from __future__ import annotations

from collections.abc import Sequence

from dpojob_api.conditions import Reason
from dpojob_api.evaluation import Evaluation, Interval
from dpojob_api.shared_training_constants import FEWEST_PROMPTS
from dpojob_api.spec import Requirement

from .answers import mean_length_growth
from .records import Record
from .statistics.confidence_intervals import (
    ALPHA,
    CHANCE,
    contains,
    length_controlled_win_rate,
    needed_comparisons,
    sign_test,
    win_rate,
)

LONGER = 0.05
"""Growth of the mean length from which a win may be due to length alone."""


def compare(
    evaluation: Evaluation, records: Sequence[Record], require: Requirement | None
) -> Evaluation:
    """`evaluation` with win rates and the verdict.

    Args:
        evaluation: With the figures of both models' answers.
        records: The prompts with both answers and the scores that the judge gave.
        require: What the user requires.
    """
    judged = [record for record in records if record.outcome is not None]
    won = [record.outcome for record in judged if record.outcome is not None]
    counts = {
        "wins": won.count(1.0),
        "ties": won.count(0.5),
        "losses": won.count(0.0),
        "unjudged": len(records) - len(won),
    }
    if len(won) < FEWEST_PROMPTS and len(records) >= FEWEST_PROMPTS:
        return not_evaluated(
            evaluation.model_copy(update=counts),
            f"The judge gave no verdict that can be read on {counts['unjudged']} of {len(records)} prompts, and "
            f"{FEWEST_PROMPTS} are needed: ask another judge.",
        )
    if len(won) < FEWEST_PROMPTS:
        return not_evaluated(
            evaluation.model_copy(update=counts),
            f"{len(won)} prompts were judged, and a verdict needs {FEWEST_PROMPTS}: hold out more pairs (dataset.eval), or "
            "name more prompts (evaluation.prompts).",
        )
    rate = win_rate(won)
    controlled = length_controlled_win_rate(
        won,
        [len(record.before.text) for record in judged],
        [len(record.after.text) for record in judged],
    )
    needed = needed_comparisons(won) if contains(rate, CHANCE) else None
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
    if contains(rate, CHANCE):
        needed = evaluation.needed_prompts
        enough = f"; about {needed} prompts would decide" if needed else ""
        return Reason.INCONCLUSIVE, f"{wins}: the interval holds 50%{enough}."
    decided = evaluation.wins + evaluation.losses
    p_value = sign_test(evaluation.wins, evaluation.losses)
    if p_value >= ALPHA:
        return Reason.INCONCLUSIVE, (
            f"{wins}, but only {decided} of them are no ties, by which the exact sign test does not exclude chance "
            f"(p = {p_value:.2g}): name more prompts."
        )
    if (rate.value or 0) < CHANCE:
        return Reason.NOT_BETTER, f"{wins}: the model before is better."
    growth = mean_length_growth(evaluation)
    if growth > LONGER and (controlled.low or 0) <= CHANCE:
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


def describe(interval: Interval) -> str:
    """A share with its interval, such as `62% (95% interval 55% to 69%)`."""
    return f"{interval.value or 0:.0%} (95% interval {interval.low or 0:.0%} to {interval.high or 0:.0%})"
