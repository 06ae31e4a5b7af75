"""One answer of a model, and the figures of many."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from dpojob_api.evaluation import AnswerFigures, Evaluation

SEQUENCE = 4
"""Tokens of the sequences whose repetition is counted: seq-rep-4 of Welleck et al. 2019."""


@dataclass(frozen=True)
class Answer:
    """A model's answer to one prompt."""

    text: str
    tokens: int
    """Its length, without the token that ends it."""
    ended: bool
    """Whether the model ended it; otherwise it was cut at the limit."""
    repetition: float
    """Share of its sequences of 4 tokens that are repetitions of an earlier one."""


def repetition(tokens: Sequence[int]) -> float:
    """The share of sequences of 4 tokens that repeat an earlier one of the answer; 0 for shorter answers."""
    count = len(tokens) - SEQUENCE + 1
    if count <= 0:
        return 0.0
    return 1 - len({tuple(tokens[at : at + SEQUENCE]) for at in range(count)}) / count


def answer_figures(answers: Sequence[Answer]) -> AnswerFigures:
    """The figures of one model's answers, of which there is at least one."""
    return AnswerFigures(
        tokens=fmean(answer.tokens for answer in answers),
        ended=fmean(answer.ended for answer in answers),
        repetition=fmean(answer.repetition for answer in answers),
    )


def mean_length_growth(evaluation: Evaluation) -> float:
    """The growth of the mean length of answers, as a share; 0 where it is not known."""
    before, after = evaluation.before, evaluation.after
    if before is None or after is None or not before.tokens or after.tokens is None:
        return 0.0
    return after.tokens / before.tokens - 1
