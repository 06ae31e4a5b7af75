"""`dataset.curate`: which accepted rows training does not get, alike in inspection and in training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from dpojob_api import report
from dpojob_api.report import SuspectKind
from dpojob_api.spec import Curate
from dpojob_trainer.shared.rows.accepted_batch import AcceptedBatch
from dpojob_trainer.shared.rows.row_batch import RowBatch
from dpojob_trainer.shared.rows.row_error import LOW_MARGIN, RowError

from .finder import SuspectFinder
from .pair_sample import MAX_ROWS, MAX_ROWS_TO_CURATE, PairSample
from .score_columns import ScoreColumns

DROPPED_SUSPECTS = (
    SuspectKind.SWAPPED_PAIR,
    SuspectKind.NEAR_IDENTICAL_PAIR,
    SuspectKind.SECRET,
    SuspectKind.PERSONAL_DATA,
)
"""The kinds that `suspects: Drop` leaves out; the others are about the dataset, not about a row."""


@dataclass
class Curation:
    """One pass over the training split: leaves rows out and collects the sample for suspects."""

    curate: Curate
    scores: ScoreColumns | None
    dropped: Mapping[int, str] = field(default_factory=dict)
    """Kind of suspect by row number, of the rows to leave out: found by the pass before."""
    finder: SuspectFinder = field(default_factory=SuspectFinder)
    unscored: int = 0
    """Rows that are kept because they have no number in one of the score columns."""

    @classmethod
    def of(cls, curate: Curate, mapping: report.Mapping) -> Curation:
        """Make the curation of a job.

        Args:
            curate: `dataset.curate`.
            mapping: The columns of the report, those of scores among them.

        Returns:
            The curation of a first pass.
        """
        chosen, rejected = mapping.chosen_score, mapping.rejected_score
        scores = ScoreColumns(chosen, rejected) if chosen and rejected else None
        drops = "Drop" in (curate.near_duplicates, curate.suspects)
        sample = PairSample(MAX_ROWS_TO_CURATE if drops else MAX_ROWS)
        return cls(curate, scores, finder=SuspectFinder(sample))

    @property
    def columns(self) -> Sequence[str]:
        """Columns that it reads."""
        return self.scores.names if self.scores else ()

    def apply(
        self, batch: RowBatch, first_row: int, accepted: Sequence[AcceptedBatch]
    ) -> tuple[list[AcceptedBatch], list[tuple[int, RowError]]]:
        """Leave out rows of a batch, and add the others to the sample.

        Args:
            batch: The batch, with the columns of the scores.
            first_row: The row number of its first row.
            accepted: Its accepted rows.

        Returns:
            The rows that training gets, and numbers and reasons of the others.
        """
        margins = self.scores.margins(batch) if self.scores else None
        kept: list[AcceptedBatch] = []
        left_out: list[tuple[int, RowError]] = []
        for part in accepted:
            numbers = part.numbers.tolist()
            of_part = None if margins is None else margins[part.numbers - first_row]
            reasons = self._reasons(numbers, of_part)
            left_out += [(numbers[at], reason) for at, reason in reasons.items()]
            if reasons:
                positions = np.delete(np.arange(len(numbers)), list(reasons))
                part = part.take(positions)
                of_part = None if of_part is None else of_part[positions]
            if of_part is not None:
                self.unscored += int(np.isnan(of_part).sum())
            if not self.dropped:
                self.finder.add(part, of_part)
            kept.append(part)
        return kept, left_out

    def _reasons(
        self, numbers: Sequence[int], margins: NDArray[np.float64] | None
    ) -> dict[int, RowError]:
        """Give why rows are left out, by position: the margin of a row, else the suspicion of the pass before."""
        reasons: dict[int, RowError] = {}
        if margins is not None and self.curate.min_margin is not None:
            error = RowError(LOW_MARGIN, "the scores are too close")
            reasons = dict.fromkeys(
                np.flatnonzero(margins < self.curate.min_margin).tolist(), error
            )
        if self.dropped:
            for at, number in enumerate(numbers):
                if at not in reasons and number in self.dropped:
                    reasons[at] = RowError(self.dropped[number], "curated")
        return reasons

    def next_pass(self) -> Curation | None:
        """Make the curation of the pass after the one that collected the sample.

        Returns:
            The curation that leaves rows out; None where this pass left out all that there are.
        """
        kinds = [
            *(DROPPED_SUSPECTS if self.curate.suspects == "Drop" else ()),
            *([SuspectKind.NEAR_DUPLICATE] if self.curate.near_duplicates == "Drop" else ()),
        ]
        dropped = self.finder.rows_of(kinds) if kinds else {}
        return Curation(self.curate, self.scores, dropped) if dropped else None
