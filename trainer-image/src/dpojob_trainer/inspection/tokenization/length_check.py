"""Lengths of pairs in tokens, and errors of pairs that only tokenizer and template show."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dpojob_api.report import ProblemCode
from dpojob_api.spec import Training
from dpojob_trainer.shared.rows.preference_pair import PlainPair, PreferencePair
from dpojob_trainer.shared.rows.row_error import RowError

from .model_context import ModelContext
from .token_counter import Length, TokenCounter


@dataclass(frozen=True)
class MeasuredPairs:
    """Pairs whose tokens were counted, and the errors that were found doing so."""

    numbers: list[int]
    pairs: list[PreferencePair]
    lengths: NDArray[np.int64]
    """Shape (pairs, 3): tokens of prompt, chosen and rejected."""
    errors: list[tuple[int, RowError]]


@dataclass(frozen=True)
class MeasuredRows:
    """Rows whose tokens were counted, by their positions, and the errors that were found doing so."""

    kept: NDArray[np.int64]
    """Positions of the rows that can be trained on."""
    lengths: NDArray[np.int64]
    """Shape (kept rows, 3): tokens of prompt, chosen and rejected."""
    errors: list[tuple[int, RowError]]


@dataclass(frozen=True)
class LengthCheck:
    """Counts the tokens of pairs and rejects those that would train on nothing."""

    counter: TokenCounter
    limit: int | None = None
    """Tokens that a prompt must stay below; None where TRL cuts elsewhere than at the end."""

    @classmethod
    def of(
        cls, training: Training, model: ModelContext, *, accelerated: bool = False
    ) -> LengthCheck | None:
        """Make the check for a job.

        Args:
            training: The job's training settings; TRL cuts at the end unless
                `truncation_mode` says otherwise (`trl.DPOConfig`).
            model: The model, with its tokenizer.
            accelerated: Whether `measure` may raise `InexactTokens`, as `ModelContext.counter` says.

        Returns:
            The check; None where the model has no tokenizer that can be used.

        Raises:
            InspectionError: The model's chat template cannot be used.
        """
        counter = model.counter(accelerated=accelerated)
        if counter is None:
            return None
        cuts_end = training.arguments.get("truncation_mode", "keep_start") == "keep_start"
        return cls(counter, training.max_length if cuts_end else None)

    def measure(self, numbers: Sequence[int], pairs: Sequence[PreferencePair]) -> MeasuredPairs:
        """Count the tokens of each pair.

        Args:
            numbers: The pairs' row numbers.
            pairs: The pairs, as many.

        Returns:
            The pairs that can be trained on with their lengths, and the errors of the others: the
            template refuses the pair or makes both answers the same, or the prompt fills maxLength.

        Raises:
            InexactTokens: Tokens counted so far may be wrong; only where the check is accelerated.
        """
        found = self._accept(numbers, self.counter.lengths(pairs, self.limit))
        kept = found.kept.tolist()
        return MeasuredPairs(
            [numbers[at] for at in kept], [pairs[at] for at in kept], found.lengths, found.errors
        )

    def measure_plain(
        self, numbers: Sequence[int], pairs: Sequence[PlainPair], chat: bool
    ) -> MeasuredRows:
        """Count the tokens of pairs of plain messages.

        Args:
            numbers: The pairs' row numbers.
            pairs: The pairs, as many.
            chat: Whether training gets message lists.

        Returns:
            What `measure` would find.

        Raises:
            InexactTokens: As `measure`.
        """
        return self._accept(numbers, self.counter.plain_lengths(pairs, chat, self.limit))

    def _accept(self, numbers: Sequence[int], lengths: Iterable[Length | RowError]) -> MeasuredRows:
        kept: list[int] = []
        found: list[Length] = []
        errors: list[tuple[int, RowError]] = []
        for at, (number, length) in enumerate(zip(numbers, lengths, strict=True)):
            if isinstance(length, RowError):
                errors.append((number, length))
            elif self.limit is not None and length.prompt >= self.limit:
                errors.append((number, _prompt_too_long(self.limit)))
            else:
                kept.append(at)
                found.append(length)
        table = np.array(found, np.int64).reshape(-1, 3)
        return MeasuredRows(np.array(kept, np.int64), table, errors)


def _prompt_too_long(limit: int) -> RowError:
    return RowError(
        ProblemCode.PROMPT_TOO_LONG,
        f"the prompt alone fills maxLength {limit} tokens, nothing is left for an answer",
    )
