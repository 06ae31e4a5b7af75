"""Accepted rows of one batch as arrays, which is all that the statistics need of them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from dpojob_api.report import ProblemCode

from .preference_pair import PreferencePair, comparable_bytes, last_text
from .turn_marks import OPENING_MARK, find_mark

SENTENCE_END = re.compile(r"[\n.?!:;…。？！：؟।]")
MIN_PROMPT_WORDS = 4
"""A common beginning of fewer words is no prompt, such as "Sure! Here is"."""


@dataclass(frozen=True)
class AcceptedBatch:
    """Accepted rows of one batch, one entry a row in each array and list."""

    numbers: NDArray[np.int64]
    """Row numbers in the split."""
    prompts: list[bytes]
    chosen: list[bytes]
    rejected: list[bytes]
    """The parts of the pairs as `comparable_bytes` has them."""
    lengths: NDArray[np.int64]
    """Shape (rows, 3): prompt, chosen and rejected, in tokens or else in characters."""
    formats: Counter[str]
    """Rows by format."""
    implicit_prompts: int
    """Rows whose prompt was found as the common beginning of both answers."""
    notes: Sequence[tuple[str, int]] = ()
    """Codes of warnings that only the pair shows, with row numbers."""

    def take(self, positions: NDArray[np.int64]) -> AcceptedBatch:
        """Take some rows.

        Args:
            positions: Their positions in the batch, in order.

        Returns:
            The rows; `formats` and `implicit_prompts` stay those of the whole batch.
        """
        kept = positions.tolist()
        numbers = self.numbers[positions]
        among = set(numbers.tolist())
        return replace(
            self,
            numbers=numbers,
            prompts=[self.prompts[at] for at in kept],
            chosen=[self.chosen[at] for at in kept],
            rejected=[self.rejected[at] for at in kept],
            lengths=self.lengths[positions],
            notes=[note for note in self.notes if note[1] in among],
        )

    def merge(self, other: AcceptedBatch) -> AcceptedBatch:
        """Join two parts of one batch.

        Args:
            other: Other rows of the same batch.

        Returns:
            The rows of both in order.
        """
        if not len(self.numbers) or not len(other.numbers):
            return self if len(self.numbers) else other
        numbers = np.concatenate([self.numbers, other.numbers])
        whole = AcceptedBatch(
            numbers,
            [*self.prompts, *other.prompts],
            [*self.chosen, *other.chosen],
            [*self.rejected, *other.rejected],
            np.concatenate([self.lengths, other.lengths]),
            self.formats + other.formats,
            self.implicit_prompts + other.implicit_prompts,
            sorted([*self.notes, *other.notes], key=lambda note: note[1]),
        )
        return whole.take(np.argsort(numbers))

    @classmethod
    def of_pairs(
        cls,
        numbers: Sequence[int],
        pairs: Sequence[PreferencePair],
        lengths: NDArray[np.int64] | None = None,
    ) -> AcceptedBatch:
        """Make a batch of normalised pairs.

        Args:
            numbers: The pairs' row numbers.
            pairs: The pairs, as many.
            lengths: Their lengths in tokens, of shape (rows, 3); None to count characters.

        Returns:
            The batch.
        """
        if lengths is None:
            lengths = np.array([pair.character_counts() for pair in pairs], np.int64)
        return cls(
            np.array(numbers, np.int64),
            [comparable_bytes(pair.prompt) for pair in pairs],
            [comparable_bytes(pair.chosen) for pair in pairs],
            [comparable_bytes(pair.rejected) for pair in pairs],
            lengths.reshape(-1, 3),
            Counter(pair.format for pair in pairs),
            sum(pair.implicit for pair in pairs),
            [
                (code, number)
                for number, pair in zip(numbers, pairs, strict=True)
                for code in _notes_of(pair)
            ],
        )


def _notes_of(pair: PreferencePair) -> Iterator[ProblemCode]:
    """Find the warnings of an accepted pair.

    Args:
        pair: The pair.

    Yields:
        `UserTurnInAnswer` where TRL would train a user's turn as the model's own, and of the common
        beginning of two texts `AccidentalPrompt` where it does not read like a prompt and
        `TemplateInText` where it holds the mark of a turn.
    """
    for answer in (pair.chosen, pair.rejected):
        if not isinstance(answer, str) and any(turn["role"] == "user" for turn in answer):
            yield ProblemCode.USER_TURN_IN_ANSWER
            break
    if pair.implicit and pair.format == "standard":
        opening = last_text(pair.prompt)
        if not _reads_like_prompt(opening):
            yield ProblemCode.ACCIDENTAL_PROMPT
        if find_mark(OPENING_MARK, opening) is not None:
            yield ProblemCode.TEMPLATE_IN_TEXT


def _reads_like_prompt(opening: str) -> bool:
    text = opening.strip()
    if "\n" in text or "?" in text:
        return True
    is_long = len(text.split()) >= MIN_PROMPT_WORDS or not text.isascii()
    return is_long and SENTENCE_END.search(text) is not None
