"""What a pass over one split counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import cast

from dpojob_trainer.shared.rows.accepted_batch import AcceptedBatch
from dpojob_trainer.shared.rows.preference_pair import Format
from dpojob_trainer.shared.rows.row_error import RowError

from .duplicates import DuplicateFinder
from .error_aggregation import MAX_EXAMPLES, ErrorCounts
from .eval_split import PromptBins
from .pair_warnings import PairWarnings
from .row_hash import hash_rows
from .token_lengths import LengthStatistics


@dataclass
class SplitStatistics:
    """Counts over the rows of one split."""

    lengths: LengthStatistics
    duplicates: DuplicateFinder
    """The finder of both splits, since rows of one may repeat in the other."""
    is_evaluation: bool = False
    rows: int = 0
    """All rows, the invalid ones included."""
    valid: int = 0
    implicit_prompts: int = 0
    unscored: int = 0
    """Valid rows without a number in one of the columns of scores."""
    formats: Counter[str] = field(default_factory=Counter)
    """Valid rows by format."""
    errors: ErrorCounts = field(default_factory=ErrorCounts)
    warnings: PairWarnings = field(default_factory=PairWarnings)
    prompt_bins: PromptBins = field(default_factory=PromptBins)
    long_rows: list[int] = field(default_factory=list)
    """Numbers of the first rows that are longer than maxLength."""

    @property
    def format(self) -> Format | None:
        """The format of most valid rows; None without any."""
        if not self.formats:
            return None
        return cast(
            Format, max(("conversational", "standard"), key=lambda name: self.formats[name])
        )

    def add(
        self, rows: int, accepted: Iterable[AcceptedBatch], errors: Iterable[tuple[int, RowError]]
    ) -> None:
        """Count the rows of a batch.

        Args:
            rows: How many rows the batch has.
            accepted: Its valid rows.
            errors: Numbers and errors of the others.
        """
        self.rows += rows
        for batch in accepted:
            self._add_accepted(batch)
        for number, error in errors:
            self.errors.add(error, number)

    def _add_accepted(self, batch: AcceptedBatch) -> None:
        hashes = hash_rows(batch.prompts, batch.chosen, batch.rejected)
        self.valid += len(batch.numbers)
        self.formats.update(batch.formats)
        self.implicit_prompts += batch.implicit_prompts
        self.warnings.add(batch, hashes)
        self.prompt_bins.add(hashes.prompt)
        self.duplicates.add(hashes, batch.numbers, is_evaluation=self.is_evaluation)
        too_long = self.lengths.add(batch.lengths)
        room = MAX_EXAMPLES - len(self.long_rows)
        if room > 0:
            self.long_rows += batch.numbers[too_long[:room]].tolist()
