"""What a preset is: a published layout by its columns, and how its rows are read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from dpojob_trainer.shared.rows.messages import MessageKeyMapping
from dpojob_trainer.shared.rows.row_error import RowError

from .column_types import ColumnKind, Schema
from .preset_converters import Columns, Row
from .transcript_stats import TranscriptStats


@dataclass(frozen=True)
class Preset:
    """A known layout.

    A dataset has it when every column of `columns` is there, each column of `kinds` is of that kind,
    every column of `also` is there and none of `without` is; with `transcripts`, only when most texts
    are transcripts too.
    """

    name: str
    title: str
    columns: Mapping[str, str] = field(default_factory=dict)
    kinds: Mapping[str, ColumnKind] = field(default_factory=dict)
    also: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    optional: Mapping[str, str] = field(default_factory=dict)
    """Columns, by field, that are used where the dataset has them."""
    message_keys: MessageKeyMapping = field(default_factory=MessageKeyMapping)
    """Used where `columnMapping.messages` is not set."""
    transcripts: bool = False
    is_recognized: bool = True
    """Whether columns show it; else it must be named."""
    is_tie: Callable[[Row], bool] | None = None
    convert: Callable[[Row, Columns], dict[str, Any] | RowError] | None = None
    """Prompt, chosen and rejected of a row, read from the columns that hold them in this dataset."""
    convert_batch: Callable[[pa.RecordBatch, Columns], pa.RecordBatch | None] | None = None
    """The same as `convert` over a batch; None where the batch must be read row by row."""

    def fits(self, schema: Schema, transcripts: TranscriptStats) -> bool:
        """Tell whether a dataset has this layout.

        Args:
            schema: The dataset's columns.
            transcripts: The statistics of its chosen column.

        Returns:
            Whether columns and texts fit.
        """
        return self.fits_columns(schema) and (transcripts.is_majority or not self.transcripts)

    def fits_columns(self, schema: Schema) -> bool:
        """Tell whether a dataset's columns fit this layout, whatever its texts.

        Args:
            schema: The dataset's columns.

        Returns:
            Whether they fit.
        """
        if not self.is_recognized:
            return False
        if any(column not in schema for column in (*self.columns.values(), *self.also)):
            return False
        if any(column in schema for column in self.without):
            return False
        return all(schema[column] in (kind, "null") for column, kind in self.kinds.items())


NATIVE = Preset("none", "columns read as they are")
