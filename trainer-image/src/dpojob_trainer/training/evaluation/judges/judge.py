"""What every judge is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, NamedTuple


class JudgeError(Exception):
    """The judge cannot judge; the message says why and what to change."""


class Exchange(NamedTuple):
    """A prompt and one answer to it."""

    prompt: Any
    """Text, or messages."""
    answer: str


class Judge(ABC):
    """Scores answers one by one, without knowing which model gave them."""

    name: str
    """Who judges, for the report."""

    @abstractmethod
    def scores(self, exchanges: Sequence[Exchange]) -> list[float | None]:
        """The score of each answer, higher for better; None where there is none. Raises JudgeError."""
