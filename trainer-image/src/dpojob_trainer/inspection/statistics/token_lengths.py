"""Lengths over all rows: exact percentiles in memory that does not grow with the rows."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from dpojob_api.report import Lengths, Percentiles

Unit = Literal["tokens", "characters"]

MAX_EXACT_LENGTH = 1 << 20
"""Lengths below it have a bin each; all others share the last bin."""

CHARACTERS_PER_TOKEN = 4
"""Used where there is no tokenizer to count with: OpenAI's rule of thumb for English text."""


class Histogram:
    """How often each length occurs."""

    def __init__(self) -> None:
        self._counts: NDArray[np.int64] = np.zeros(1024, np.int64)
        self._sum = 0
        self._max = 0

    def add(self, values: NDArray[np.int64]) -> None:
        """Count lengths.

        Args:
            values: Shape (rows,): lengths in tokens, or in characters where there is no tokenizer.
        """
        if not len(values):
            return
        self._sum += int(values.sum())
        self._max = max(self._max, int(values.max()))
        counts = np.bincount(np.minimum(values, MAX_EXACT_LENGTH))
        if len(counts) > len(self._counts):
            grown = np.zeros(max(len(counts), 2 * len(self._counts)), np.int64)
            grown[: len(self._counts)] = self._counts
            self._counts = grown
        self._counts[: len(counts)] += counts

    def percentile(self, share: float) -> int:
        """Compute a percentile by the nearest-rank method.

        Args:
            share: From 0 to 1, such as 0.95 for the 95th percentile.

        Returns:
            The smallest length that at least `share` of the rows do not exceed; 0 without rows.
        """
        total = int(self._counts.sum())
        if total == 0:
            return 0
        found = int(np.searchsorted(np.cumsum(self._counts), np.ceil(share * total)))
        return self._max if found >= MAX_EXACT_LENGTH else found

    def above(self, length: int) -> int:
        """Count the lengths above one.

        Args:
            length: A length below `MAX_EXACT_LENGTH`.

        Returns:
            How many lengths are greater.
        """
        return int(self._counts[length + 1 :].sum())

    def percentiles(self) -> Percentiles:
        """Summarise the lengths as the report shows them.

        Returns:
            Percentiles, mean and maximum, in the unit of the lengths.
        """
        total = int(self._counts.sum())
        return Percentiles(
            p50=self.percentile(0.50),
            p95=self.percentile(0.95),
            p99=self.percentile(0.99),
            max=self._max,
            mean=round(self._sum / total, 2) if total else 0.0,
        )


@dataclass
class LengthStatistics:
    """Lengths of pairs, collected batch by batch."""

    max_length: int
    """`training.maxLength`, in tokens."""
    unit: Unit
    """What `add` gets."""
    prompt: Histogram = field(default_factory=Histogram)
    chosen: Histogram = field(default_factory=Histogram)
    rejected: Histogram = field(default_factory=Histogram)
    longest: Histogram = field(default_factory=Histogram)
    """Prompt and the longer answer together."""
    rows: int = 0
    truncated: int = 0
    """Pairs longer than `max_length`; counted in tokens only."""
    chosen_longer: int = 0
    rejected_longer: int = 0
    _kept: int = 0
    """What is left of both sequences of all pairs after truncation, in `unit`."""

    def add(self, lengths: NDArray[np.int64]) -> NDArray[np.int64]:
        """Count rows.

        Args:
            lengths: Shape (rows, 3): prompt, chosen and rejected, in `unit`.

        Returns:
            The positions of the rows that exceed `max_length`; none where characters are counted.
        """
        if not len(lengths):
            return np.zeros(0, np.int64)
        prompt, chosen, rejected = lengths.T
        longest = prompt + np.maximum(chosen, rejected)
        self.prompt.add(prompt)
        self.chosen.add(chosen)
        self.rejected.add(rejected)
        self.longest.add(longest)
        self.rows += len(lengths)
        self.chosen_longer += int((chosen > rejected).sum())
        self.rejected_longer += int((rejected > chosen).sum())
        limit = self.max_length if self.unit == "tokens" else self.max_length * CHARACTERS_PER_TOKEN
        self._kept += int(np.minimum(prompt + chosen, limit).sum())
        self._kept += int(np.minimum(prompt + rejected, limit).sum())
        too_long = (
            np.flatnonzero(longest > limit) if self.unit == "tokens" else np.zeros(0, np.int64)
        )
        self.truncated += len(too_long)
        return too_long

    def report(self) -> Lengths | None:
        """Summarise the lengths for the report.

        Returns:
            The report's lengths, with the tokens that a row has in training on average (prompt and
            answer, both answers counted, after truncation) and the maxLength that keeps 95% and
            99% of the pairs whole; None without rows.
        """
        if not self.rows:
            return None
        # maxLength is in tokens, also where characters were counted.
        per_token = 1 if self.unit == "tokens" else CHARACTERS_PER_TOKEN
        return Lengths(
            prompt=self.prompt.percentiles(),
            chosen=self.chosen.percentiles(),
            rejected=self.rejected.percentiles(),
            longest=self.longest.percentiles(),
            unit=self.unit,
            tokens_per_row=round(self._kept / self.rows / per_token, 2),
            max_length_for_95=-(-self.longest.percentile(0.95) // per_token),
            max_length_for_99=-(-self.longest.percentile(0.99) // per_token),
        )
