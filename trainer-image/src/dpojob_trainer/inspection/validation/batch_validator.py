"""Validation of a batch: valid rows as pairs or as arrays, and the errors of the other rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from dpojob_api.report import ProblemCode
from dpojob_trainer.inspection.layouts import ColumnLayout, root_column
from dpojob_trainer.shared.rows.accepted_batch import AcceptedBatch
from dpojob_trainer.shared.rows.preference_pair import Format, PreferencePair
from dpojob_trainer.shared.rows.row_batch import RowBatch
from dpojob_trainer.shared.rows.row_error import RowError

from .row_normalizer import normalize_row
from .valid_columns import ValidColumns
from .vectorized_validator import validate_columns


@dataclass(frozen=True)
class ValidatedRows:
    """The valid rows of a batch, and the errors of its other rows, by row number."""

    first_row: int
    """The row number of the batch's first row."""
    columns: ValidColumns | None = None
    """Rows that the vectorized validator accepted."""
    numbers: list[int] = field(default_factory=list)
    """Row numbers of `pairs`."""
    pairs: list[PreferencePair] = field(default_factory=list)
    """Rows that were accepted one by one."""
    errors: list[tuple[int, RowError]] = field(default_factory=list)

    @property
    def valid_count(self) -> int:
        """How many rows are valid."""
        return len(self.pairs) + (0 if self.columns is None else len(self.columns.positions))

    def accepted(self) -> list[AcceptedBatch]:
        """Give all valid rows as arrays, with lengths in characters.

        Returns:
            One batch for each of the two validators, vectorized and row by row, that accepted rows.
        """
        batches = [] if self.columns is None else [self.columns.accepted(self.first_row)]
        if self.pairs:
            batches.append(AcceptedBatch.of_pairs(self.numbers, self.pairs))
        return batches


@dataclass(frozen=True)
class BatchValidator:
    """Validates batches of rows of one layout."""

    layout: ColumnLayout
    as_conversations: bool
    """Whether training gets message lists, of text too."""
    expected_format: Format | None = None
    """The dataset's format, once it is known; rows of the other format are errors then."""

    def validate(self, batch: RowBatch, first_row: int, file_name: str) -> ValidatedRows:
        """Validate a batch, by columns as far as possible and the remaining rows one by one.

        Args:
            batch: Consecutive rows of one file.
            first_row: The row number of the first one in the split.
            file_name: The file's name in messages.

        Returns:
            The valid rows and the errors of the others; each row is in exactly one place.
        """
        valid = self._validate_columns(batch)
        if valid is None:
            return self.validate_rows(batch, first_row, file_name)
        is_left = np.ones(len(batch), np.bool_)
        is_left[valid.positions] = False
        left = np.flatnonzero(is_left).tolist()
        rest = self.validate_rows(batch, first_row, file_name, left)
        return ValidatedRows(first_row, valid, rest.numbers, rest.pairs, rest.errors)

    def validate_rows(
        self,
        batch: RowBatch,
        first_row: int,
        file_name: str,
        positions: Sequence[int] | None = None,
    ) -> ValidatedRows:
        """Validate rows one by one, to get each valid row as a pair.

        Args:
            batch: Consecutive rows of one file.
            first_row: The row number of the first one in the split.
            file_name: The file's name in messages.
            positions: The rows to validate, by their position in the batch; None for all.

        Returns:
            The pairs and the errors, both in the order of rows.
        """
        found = ValidatedRows(first_row)
        absent = self._absent_column(batch)
        if absent is not None:
            error = RowError(
                ProblemCode.MISSING_COLUMN, f"rows of {file_name} have no column {absent!r}"
            )
            found.errors.extend((first_row + at, error) for at in range(len(batch)))
            return found
        if positions is not None and not positions:
            return found
        numbered = range(len(batch)) if positions is None else positions
        for position, row in zip(numbered, batch.rows(positions), strict=True):
            pair = normalize_row(self.layout, row, self.expected_format)
            if isinstance(pair, RowError):
                found.errors.append((first_row + position, pair))
            else:
                found.numbers.append(first_row + position)
                conversation = self.as_conversations or pair.format == "conversational"
                found.pairs.append(pair.conversation() if conversation else pair.text())
        return found

    def _validate_columns(self, batch: RowBatch) -> ValidColumns | None:
        if batch.record_batch is None or self._absent_column(batch):
            return None
        try:
            valid = validate_columns(self.layout, batch.record_batch, self.as_conversations)
        except pa.ArrowNotImplementedError:
            return None
        if valid is None or self.expected_format not in (None, valid.format):
            return None
        return valid

    def _absent_column(self, batch: RowBatch) -> str | None:
        """A required column that the batch's file lacks altogether."""
        columns = batch.columns
        return next(
            (name for name in self.layout.required if root_column(name, columns) not in columns),
            None,
        )
