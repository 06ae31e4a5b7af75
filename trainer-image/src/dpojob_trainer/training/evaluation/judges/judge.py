"""The interface of judges, and the error of one that cannot judge."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from dpojob_api.evaluation import JudgeUsage


class JudgeError(Exception):
    """The judge cannot judge; the message says why and what to change."""


class Exchange(NamedTuple):
    """A prompt and one answer to it."""

    prompt: Any
    """Text, or messages."""
    answer: str


class Comparison(NamedTuple):
    """A prompt with both models' answers."""

    prompt: Any
    """Text, or messages."""
    before: str
    after: str


Scores = tuple[float | None, float | None]
"""The scores of the answer before and of the tuned one, higher for better; None where there is none."""


class Judge(ABC):
    """Compares answers, without knowing which model gave them."""

    name: str
    """Who judges, for the report."""
    contradictions: int = 0
    """Comparisons in which the preference changed with the order of the answers."""

    on_usage: Callable[[JudgeUsage], None] | None = None
    """Called with `usage` after the replies about each comparison, so that it is known where this process is killed."""

    @property
    def usage(self) -> JudgeUsage | None:
        """What the judge was asked so far; None where that costs nothing."""
        return None

    @abstractmethod
    def compare(self, comparisons: Sequence[Comparison]) -> list[Scores]:
        """The scores of both answers to each prompt. Raises JudgeError."""


class ScoringJudge(Judge):
    """Scores answers one by one."""

    def compare(self, comparisons: Sequence[Comparison]) -> list[Scores]:
        """The scores of both answers to each prompt. Raises JudgeError."""
        before = self.scores([Exchange(each.prompt, each.before) for each in comparisons])
        after = self.scores([Exchange(each.prompt, each.after) for each in comparisons])
        return list(zip(before, after, strict=True))

    @abstractmethod
    def scores(self, exchanges: Sequence[Exchange]) -> list[float | None]:
        """The score of each answer, higher for better; None where there is none. Raises JudgeError."""
