"""What a preset is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import pyarrow as pa

from dpojob_trainer.shared.row_error import Fault

from .transcript_stats import Votes

ColumnKind = Literal["text", "messages", "number", "other", "null"]
Schema = Mapping[str, ColumnKind]
"""The kind of each column, over the rows seen so far."""

Row = Mapping[str, Any]
Columns = Mapping[str, str]
"""Names in the dataset, by field."""


@dataclass(frozen=True)
class Preset:
    """A known layout.

    It is recognised when every column of `columns` has its kind in `kinds`, every column of `also`
    is there, and none of `without` is; one of `transcripts`, when most texts are such.
    """

    name: str
    title: str
    columns: Mapping[str, str] = field(default_factory=dict)
    kinds: Mapping[str, ColumnKind] = field(default_factory=dict)
    also: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    transcripts: bool = False
    tie: Callable[[Row], bool] | None = None
    convert: Callable[[Row, Columns], dict[str, Any] | Fault] | None = None
    """Prompt, chosen and rejected of a row, read from the columns that hold them in this dataset."""
    arrange: Callable[[pa.RecordBatch, Columns], pa.RecordBatch | None] | None = None
    """What `convert` does, over a batch; None when nothing can be told this way."""

    def fits(self, schema: Schema, votes: Votes) -> bool:
        """Whether a dataset of this schema, with such texts, has this layout."""
        return self.fits_columns(schema) and (votes.carried or not self.transcripts)

    def fits_columns(self, schema: Schema) -> bool:
        """The same, as far as columns tell."""
        if any(column not in schema for column in (*self.columns.values(), *self.also)):
            return False
        if any(column in schema for column in self.without):
            return False
        return all(schema[column] in (kind, "null") for column, kind in self.kinds.items())


NATIVE = Preset("none", "columns read as they are")
