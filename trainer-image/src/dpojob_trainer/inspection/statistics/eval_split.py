"""Which accepted rows are held out for evaluation.

A row's prompt decides, through its hash: rows of one prompt stay on one side, so that no evaluation
prompt is trained on, and every reader of the same data comes to the same split.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

BITS = 16
BINS = 1 << BITS


class Cut(NamedTuple):
    """Rows that fall below `share` of the hashes are held out: `rows` of them."""

    share: float
    rows: int


def places(prompts: NDArray[np.uint64]) -> NDArray[np.int64]:
    """The bins of prompts' hashes, from 0 to BINS - 1."""
    return (prompts >> np.uint64(64 - BITS)).astype(np.int64)


def held_out(prompts: NDArray[np.uint64], share: float) -> NDArray[np.bool_]:
    """Which rows, by the hashes of their prompts, are held out."""
    return places(prompts) < share * BINS


class Places:
    """How many accepted rows fall where; decides the cut that holds out the share asked for."""

    def __init__(self) -> None:
        self._bins: NDArray[np.int64] = np.zeros(BINS, np.int64)

    def add(self, prompts: NDArray[np.uint64]) -> None:
        """Counts rows by the hashes of their prompts."""
        self._bins += np.bincount(
            (prompts >> np.uint64(64 - BITS)).astype(np.int64), minlength=BINS
        )

    def cut(self, fraction: float) -> Cut:
        """The cut nearest to `fraction` of the rows that leaves at least half to train on."""
        total = int(self._bins.sum())
        if fraction <= 0 or total == 0:
            return Cut(0.0, 0)
        below = np.concatenate(([0], np.cumsum(self._bins)))
        below = np.where(below * 2 > total, -total, below)
        best = int(np.argmin(np.abs(below - fraction * total)))
        return Cut(best / BINS, int(below[best]))
