"""Which accepted rows are held out for evaluation.

The hash of a row's prompt decides: all rows of one prompt are on the same side, so that no evaluation
prompt is trained on, and inspection and training get the same split of the same data.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

BITS = 16
BINS = 1 << BITS


class EvalCut(NamedTuple):
    """A threshold of prompt hashes below which rows are held out."""

    share: float
    """The threshold as a share of all hashes, from 0 to 1."""
    rows: int
    """How many rows it holds out."""


def _bins(prompts: NDArray[np.uint64]) -> NDArray[np.int64]:
    return (prompts >> np.uint64(64 - BITS)).astype(np.int64)


def held_out(prompts: NDArray[np.uint64], share: float) -> NDArray[np.bool_]:
    """Tell which rows are held out.

    Args:
        prompts: The hashes of the rows' prompts.
        share: The threshold, `EvalCut.share`.

    Returns:
        One flag a row.
    """
    return _bins(prompts) < share * BINS


class PromptBins:
    """A histogram of prompt hashes, from which the cut is chosen that holds out the share asked for."""

    def __init__(self) -> None:
        self._counts: NDArray[np.int64] = np.zeros(BINS, np.int64)

    def add(self, prompts: NDArray[np.uint64]) -> None:
        """Count rows by the hashes of their prompts.

        Args:
            prompts: Shape (rows,): the hashes.
        """
        self._counts += np.bincount(_bins(prompts), minlength=BINS)

    def cut(self, fraction: float) -> EvalCut:
        """Choose the cut.

        Args:
            fraction: The share of rows to hold out, `dataset.eval.fraction`; 0 for none.

        Returns:
            The cut nearest to `fraction` of the rows that leaves at least half to train on.
        """
        total = int(self._counts.sum())
        if fraction <= 0 or total == 0:
            return EvalCut(0.0, 0)
        below = np.concatenate(([0], np.cumsum(self._counts)))
        below = np.where(below * 2 > total, -total, below)
        best = int(np.argmin(np.abs(below - fraction * total)))
        return EvalCut(best / BINS, int(below[best]))
