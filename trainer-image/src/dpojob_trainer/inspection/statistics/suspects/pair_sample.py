"""A sample of accepted rows in bounded memory, the same whatever the batches."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from dpojob_trainer.inspection.statistics.row_hash import prompt_hashes
from dpojob_trainer.shared.rows.accepted_batch import AcceptedBatch

MAX_ROWS = 10_000
"""The most rows that are compared; larger datasets are represented by a random sample of prompts."""
MAX_ROWS_TO_CURATE = 50_000
"""The same where `dataset.curate` leaves out rows that a comparison finds."""
MAX_BYTES = 4096
"""Bytes of each text that are compared: at most 120 MB for the whole sample, or 600 MB to curate."""


@dataclass(frozen=True)
class SampledPair:
    """One accepted row."""

    number: int
    prompt: bytes
    chosen: bytes
    rejected: bytes
    margin: float
    """The score of chosen less that of rejected; not a number where there are no scores."""

    @property
    def answers(self) -> tuple[str, str]:
        """Chosen and rejected as text."""
        return _text(self.chosen), _text(self.rejected)

    @property
    def prompt_text(self) -> str:
        """The prompt as text."""
        return _text(self.prompt)


def _text(data: bytes) -> str:
    return data.decode(errors="ignore")


@dataclass
class PairSample:
    """The rows whose prompts hash lowest: a uniform sample of prompts, with all rows of each.

    It does not depend on the order of batches, and rows of one prompt can be compared.

    Args:
        limit: How many rows to keep.
    """

    limit: int = MAX_ROWS
    rows: int = 0
    """All rows that were added."""
    _kept: list[tuple[int, SampledPair]] = field(default_factory=list)
    _threshold: int = (1 << 64) - 1

    def add(self, batch: AcceptedBatch, margins: NDArray[np.float64] | None) -> None:
        """Add accepted rows.

        Args:
            batch: The rows.
            margins: Their scores' differences, as many; None without scores.
        """
        self.rows += len(batch.numbers)
        priorities = prompt_hashes(batch.prompts)
        for at in np.flatnonzero(priorities <= np.uint64(self._threshold)).tolist():
            pair = SampledPair(
                int(batch.numbers[at]),
                batch.prompts[at][:MAX_BYTES],
                batch.chosen[at][:MAX_BYTES],
                batch.rejected[at][:MAX_BYTES],
                float("nan") if margins is None else float(margins[at]),
            )
            self._kept.append((int(priorities[at]), pair))
        if len(self._kept) >= 2 * self.limit:
            self._shrink()

    def _shrink(self) -> None:
        self._kept.sort(key=lambda entry: (entry[0], entry[1].number))
        del self._kept[self.limit :]
        self._threshold = self._kept[-1][0]

    @property
    def size(self) -> int:
        """How many rows `pairs` gives."""
        return min(len(self._kept), self.limit)

    def pairs(self) -> list[SampledPair]:
        """Give the sample.

        Returns:
            The pairs, by row number.
        """
        if len(self._kept) > self.limit:
            self._shrink()
        return sorted((pair for _, pair in self._kept), key=lambda pair: pair.number)
