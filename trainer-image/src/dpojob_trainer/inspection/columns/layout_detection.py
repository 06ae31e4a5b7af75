"""The layout of the dataset: detected on its first rows, then confirmed by all rows of both splits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from dpojob_api.spec import DatasetSource
from dpojob_trainer.inspection.layouts import (
    ColumnKind,
    ColumnLayout,
    TranscriptStats,
    columns_of,
    depends_on_texts,
    kinds_of,
    merge,
)
from dpojob_trainer.shared.rows.accepted_batch import AcceptedBatch
from dpojob_trainer.shared.rows.row_batch import RowBatch

from .column_resolution import RESERVED, Resolution, resolve
from .row_sample import MAX_SAMPLED_ROWS, clipped

MAX_SAMPLED_ROWS_OF_BATCH = 64


@dataclass
class ObservedColumns:
    """What a pass over a split shows of its columns."""

    kinds: dict[str, ColumnKind] = field(default_factory=dict)
    """Every column seen, in order, with its kind."""
    transcripts: TranscriptStats = field(default_factory=TranscriptStats)
    """Counted only where transcripts could decide on the layout."""

    def add(self, batch: RowBatch) -> None:
        """Record the columns of a batch.

        Args:
            batch: The rows.

        Raises:
            InspectionError: The number of columns grows with the rows.
        """
        merge(self.kinds, kinds_of(batch))

    def add_transcripts(
        self,
        layout: ColumnLayout,
        batch: RowBatch,
        first_row: int,
        accepted: Iterable[AcceptedBatch],
    ) -> None:
        """Count the transcripts of a batch, if their number could change the layout.

        Args:
            layout: The layout by which the batch was validated.
            batch: The rows.
            first_row: The row number of the first one.
            accepted: The valid rows; under a preset of transcripts they are known to be such.
        """
        if not depends_on_texts(self.kinds, layout.preset):
            return
        is_left = np.ones(len(batch), np.bool_)
        if layout.preset.transcripts:
            for part in accepted:
                is_left[part.numbers - first_row] = False
            self.transcripts.add_transcripts(int((~is_left).sum()))
        column = layout.columns["chosen"]
        left = None if is_left.all() else np.flatnonzero(is_left).tolist()
        rows = batch.only(column).rows(left)
        self.transcripts.add(row.get(column) for row in rows)


@dataclass
class LayoutDetector:
    """Detects how the dataset's columns are read, from the rows that it is given."""

    dataset: DatasetSource
    """The spec's dataset, with the user's column mapping and preset."""
    resolution: Resolution = field(default_factory=lambda: Resolution(None))
    """The result so far."""
    kinds: dict[str, ColumnKind] = field(default_factory=dict)
    """The columns seen so far."""
    _sample: list[Mapping[str, Any]] = field(default_factory=list)
    _transcripts: TranscriptStats | None = None
    """Those of all rows of the training split, once they were read."""

    def add_first_rows(self, batch: RowBatch) -> bool:
        """Take the next batch of the training split, from its beginning, with all columns.

        Args:
            batch: The rows.

        Returns:
            Whether `resolution` has a layout now, so that no further batch is needed.

        Raises:
            InspectionError: The preset does not exist, or the number of columns grows with the rows.
        """
        before = dict(self.kinds)
        merge(self.kinds, kinds_of(batch))
        is_short = len(self._sample) < MAX_SAMPLED_ROWS
        if is_short:
            first = range(min(MAX_SAMPLED_ROWS_OF_BATCH, len(batch)))
            self._sample += clipped(batch.rows(first))
        if is_short or self.kinds != before:
            self._resolve()
        return self.resolution.layout is not None and len(batch) > 0

    def confirm(
        self, layout: ColumnLayout, train: ObservedColumns, evaluation: ObservedColumns | None
    ) -> bool:
        """Resolve the layout once more, now that the columns of all rows are known.

        A column of later files or row groups counts like one of the first: a prompt or a system
        text that only they have must not be ignored, whatever the order of the files.

        Args:
            layout: The layout by which all rows were validated.
            train: The columns of the training split.
            evaluation: Those of the evaluation split, where it has files of its own.

        Returns:
            Whether the layout is certainly the same. Otherwise `add_kinds` needs all rows once more: of
            columns that were not read only the names are known so far. The kinds decide what another
            layout is, and whether a reserved column holds anything.
        """
        for observed in filter(None, (train, evaluation)):
            merge(self.kinds, observed.kinds)
        # Only the first count is used: by another layout other rows might be counted, and the
        # layouts might alternate for ever.
        if self._transcripts is None and train.transcripts.texts:
            self._transcripts = train.transcripts
        self._resolve()
        return self.resolution.layout == layout and not any(
            self.kinds.get(column) == "null" for column in RESERVED
        )

    def add_kinds(self, batch: RowBatch) -> None:
        """Take the kinds of all columns of a batch, of any split.

        Args:
            batch: The rows, with all columns.

        Raises:
            InspectionError: The number of columns grows with the rows.
        """
        merge(self.kinds, kinds_of(batch))

    def confirm_with_kinds(self, layout: ColumnLayout) -> bool:
        """Resolve the layout once more, after `add_kinds` of all rows.

        Args:
            layout: The layout by which all rows were validated.

        Returns:
            Whether the layout is still the same; otherwise `resolution` has another one or none.
        """
        self._resolve()
        return self.resolution.layout == layout

    @property
    def columns(self) -> list[str]:
        """The dataset's columns, in order."""
        return columns_of(self.kinds)

    def _resolve(self) -> None:
        self.resolution = resolve(self.dataset, self.kinds, self._sample, self._transcripts)
