"""The limit of each figure beyond which a user should look closer. They are rules of thumb; none fails a job."""

from __future__ import annotations

from dpojob_api.evaluation import Attention, Evaluation, FigureName

from .answers import mean_length_growth
from .statistics.confidence_intervals import CHANCE, contains

LENGTH_GROWTH = 0.3
"""Share by which the mean length may change. DPO lengthens answers without making them better (Park et al.
2024, "Disentangling Length from Quality in Direct Preference Optimization")."""
ENDED = 0.9
"""Share of answers that the model should end itself."""
ENDED_DROP = 0.05
"""A lower share is accepted where it is at most this much below that of the model before."""
REPETITION = 0.1
"""Rise of the mean share of repeated sequences of 4 tokens."""
KL_PER_TOKEN = 0.1
"""Nats per token, about 10 nats for an answer of 100 tokens: in Gao et al. 2022 ("Scaling Laws for Reward Model
Overoptimization") the quality of smaller settings peaks at such distances."""


def figures_beyond_limits(evaluation: Evaluation) -> list[Attention]:
    """The figures of `evaluation` beyond their limits, each with what to do."""
    found = [
        ("RewardAccuracy", _reward_accuracy(evaluation)),
        ("Length", _length(evaluation)),
        ("Ended", _ended(evaluation)),
        ("Repetition", _repetition(evaluation)),
        ("Distance", _distance(evaluation)),
    ]
    return [_attention(name, message) for name, message in found if message]


def _attention(name: FigureName | str, message: str) -> Attention:
    return Attention.model_validate({"figure": name, "message": message})


def _reward_accuracy(evaluation: Evaluation) -> str:
    accuracy = evaluation.reward_accuracy
    if accuracy is None or accuracy.high is None or accuracy.low is None:
        return ""
    if accuracy.high < CHANCE:
        return (
            "The held-out pairs' rejected answers are preferred: check that chosen and rejected are not "
            "swapped in columnMapping."
        )
    if contains(accuracy, CHANCE):
        return (
            f"On {accuracy.n} held-out pairs the reward accuracy is no different from chance (50%): train "
            "longer or with a higher learning rate, or hold out more pairs."
        )
    return ""


def _length(evaluation: Evaluation) -> str:
    growth, change = mean_length_growth(evaluation), evaluation.length_change
    if abs(growth) <= LENGTH_GROWTH or (change is not None and contains(change, 0.0)):
        return ""
    direction = "longer" if growth > 0 else "shorter"
    return (
        f"Answers are {abs(growth):.0%} {direction} than before: compare the lengths of chosen and rejected in "
        "the inspection report; loss_type: [sigmoid_norm] or ld_alpha in training.arguments weighs length less."
    )


def _ended(evaluation: Evaluation) -> str:
    before, after = evaluation.before, evaluation.after
    if before is None or after is None or after.ended is None or after.ended >= ENDED:
        return ""
    if before.ended is not None and after.ended >= before.ended - ENDED_DROP:
        return ""
    return (
        f"The model ends {after.ended:.0%} of its answers itself, before training {before.ended or 0:.0%}: check "
        "that chosen answers are not cut at training.maxLength, and lower training.learningRate."
    )


def _repetition(evaluation: Evaluation) -> str:
    before, after = evaluation.before, evaluation.after
    if before is None or after is None or after.repetition is None or before.repetition is None:
        return ""
    if after.repetition - before.repetition <= REPETITION:
        return ""
    return (
        f"Answers repeat themselves: {after.repetition:.0%} of their sequences of 4 tokens, before training "
        f"{before.repetition:.0%}. Lower training.learningRate or raise training.beta."
    )


def _distance(evaluation: Evaluation) -> str:
    distance = evaluation.kl_per_token
    if distance is None or distance <= KL_PER_TOKEN:
        return ""
    return (
        f"The tuned model is {distance:.2g} nats per token from the one before: raise training.beta or lower "
        "training.learningRate if its answers are worse elsewhere."
    )
