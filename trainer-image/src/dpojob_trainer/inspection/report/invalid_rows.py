"""The invalid rows of a split: dropped under `invalidRows: Drop`, or errors."""

from __future__ import annotations

import math
from dataclasses import dataclass

from dpojob_api.report import Problem
from dpojob_api.spec import DatasetSource
from dpojob_trainer.inspection.statistics import SplitStatistics
from dpojob_trainer.shared.problem_text import row_share
from dpojob_trainer.shared.rows.row_error import LEFT_OUT

LARGEST_DROPPED_SHARE = 0.5
"""Share of invalid rows above which the data must be corrected, not dropped."""


@dataclass(frozen=True)
class InvalidRows:
    """The invalid rows of one split, judged by `dataset.invalidRows` and `dataset.maxDroppedShare`."""

    dataset: DatasetSource
    statistics: SplitStatistics

    @property
    def are_dropped(self) -> bool:
        """Whether training goes on without them."""
        invalid = self.statistics.errors.invalid
        limit = self.dataset.max_dropped_share * self.statistics.rows
        return self._may_drop and self.statistics.valid > 0 and 0 < invalid <= limit

    @property
    def are_too_many(self) -> bool:
        """Whether they would be dropped if they were fewer."""
        some = self.statistics.valid > 0 and self.statistics.errors.invalid > 0
        return self._may_drop and some and not self.are_dropped

    @property
    def _may_drop(self) -> bool:
        return self.dataset.invalid_rows == "Drop"

    def dropped_counts(self) -> dict[str, int]:
        """Count the rows that training does not get.

        Returns:
            Rows by code; ties and curated rows are always dropped.
        """
        return {
            str(code): count
            for code, count in self.statistics.errors.counts.items()
            if count and (self.are_dropped or code in LEFT_OUT)
        }

    def problems(self) -> list[Problem]:
        """Make the problems for the report.

        Returns:
            One problem a code: warnings where the rows are dropped, else errors.
        """
        errors, rows = self.statistics.errors, self.statistics.rows
        found = errors.problems(self.are_dropped, self.statistics.valid)
        if self.are_too_many:
            found[0].message = (
                f"{row_share(errors.invalid, rows)} of {rows} are invalid, more than "
                f"maxDroppedShare {self.dataset.max_dropped_share:g} allows. {found[0].message}"
            )
        share = errors.invalid / max(1, rows)
        if self._could_drop and self.dataset.max_dropped_share < share <= LARGEST_DROPPED_SHARE:
            needed = math.ceil(100 * share) / 100
            found[0].message += (
                f" To train on the other rows, {row_share(self.statistics.valid, rows)}, write in "
                f"spec.dataset: invalidRows: Drop, maxDroppedShare: {needed:g}."
            )
        return found

    @property
    def _could_drop(self) -> bool:
        return self.statistics.valid > 0 and self.statistics.errors.invalid > 0
