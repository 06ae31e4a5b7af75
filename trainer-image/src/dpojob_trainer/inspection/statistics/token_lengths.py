"""Lengths over all rows: exact percentiles in memory that does not grow with rows."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from dpojob_api.report import Lengths, Percentiles

Unit = Literal["tokens", "characters"]

EXACT = 1 << 20
"""Lengths up to this many are counted each for itself; longer ones share the last place."""

CHARACTERS = 4
"""Characters per token, where there is no tokenizer to count with; the usual rule of thumb."""


class Histogram:
    """How often each length occurs."""

    def __init__(self) -> None:
        self._counts: NDArray[np.int64] = np.zeros(1024, np.int64)
        self._sum = 0
        self._max = 0

    def add(self, values: NDArray[np.int64]) -> None:
        """Counts some lengths."""
        if not len(values):
            return
        self._sum += int(values.sum())
        self._max = max(self._max, int(values.max()))
        counts = np.bincount(np.minimum(values, EXACT))
        if len(counts) > len(self._counts):
            grown = np.zeros(max(len(counts), 2 * len(self._counts)), np.int64)
            grown[: len(self._counts)] = self._counts
            self._counts = grown
        self._counts[: len(counts)] += counts

    def at(self, share: float) -> int:
        """The smallest length that at least `share` of the rows do not exceed."""
        total = int(self._counts.sum())
        if total == 0:
            return 0
        found = int(np.searchsorted(np.cumsum(self._counts), np.ceil(share * total)))
        return self._max if found >= EXACT else found

    def above(self, length: int) -> int:
        """How many are longer, of a `length` below EXACT."""
        return int(self._counts[length + 1 :].sum())

    def percentiles(self) -> Percentiles:
        """As the report has them."""
        total = int(self._counts.sum())
        return Percentiles(
            p50=self.at(0.50),
            p95=self.at(0.95),
            p99=self.at(0.99),
            max=self._max,
            mean=round(self._sum / total, 2) if total else 0.0,
        )


@dataclass
class LengthFigures:
    """The report's lengths, collected batch by batch."""

    max_length: int
    unit: Unit
    prompt: Histogram = field(default_factory=Histogram)
    chosen: Histogram = field(default_factory=Histogram)
    rejected: Histogram = field(default_factory=Histogram)
    longest: Histogram = field(default_factory=Histogram)
    rows: int = 0
    truncated: int = 0
    chosen_longer: int = 0
    rejected_longer: int = 0
    _kept: int = 0

    def add(self, lengths: NDArray[np.int64]) -> NDArray[np.int64]:
        """Counts rows of (prompt, chosen, rejected); gives which of them exceed `max_length`."""
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
        limit = self.max_length if self.unit == "tokens" else self.max_length * CHARACTERS
        self._kept += int(np.minimum(prompt + chosen, limit).sum())
        self._kept += int(np.minimum(prompt + rejected, limit).sum())
        over = np.flatnonzero(longest > limit) if self.unit == "tokens" else np.zeros(0, np.int64)
        self.truncated += len(over)
        return over

    def report(self) -> Lengths | None:
        """As the report has them; None without rows."""
        if not self.rows:
            return None
        # maxLength is in tokens, whatever was counted here.
        each = 1 if self.unit == "tokens" else CHARACTERS
        return Lengths(
            prompt=self.prompt.percentiles(),
            chosen=self.chosen.percentiles(),
            rejected=self.rejected.percentiles(),
            longest=self.longest.percentiles(),
            unit=self.unit,
            tokens_per_row=round(self._kept / self.rows / each, 2),
            max_length_for_95=-(-self.longest.at(0.95) // each),
            max_length_for_99=-(-self.longest.at(0.99) // each),
        )
