"""Accepted rows of one batch as arrays, which is all that the statistics need of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .preference_pair import PreferencePair, comparable_bytes


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
        )
