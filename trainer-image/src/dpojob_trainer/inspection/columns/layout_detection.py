"""The layout of the dataset: settled on its first rows, and held to all columns of both splits after."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from dpojob_api.spec import DatasetSource
from dpojob_trainer.inspection.readers.row_stream import pieces
from dpojob_trainer.inspection.sources import Source

from .column_resolution import Resolution, resolve
from .column_types import kinds_of, merge
from .preset import ColumnKind
from .presets import Votes
from .row_sample import ROWS, sampled

SAMPLED_OF_PIECE = 64


@dataclass
class Columns:
    """The columns seen so far, and what they come to."""

    dataset: DatasetSource
    train: Source
    evaluation: Source | None = None
    resolution: Resolution = field(default_factory=lambda: Resolution(None))
    kinds: dict[str, ColumnKind] = field(default_factory=dict)
    _rows: list[Mapping[str, Any]] = field(default_factory=list)
    _votes: Votes | None = None
    """Those of all rows of train, once they were read."""

    @classmethod
    def look(cls, dataset: DatasetSource, train: Source, evaluation: Source | None) -> Columns:
        """Looks at rows of train until every column that is needed was seen."""
        found = cls(dataset, train, evaluation)
        for piece in pieces(train):
            before = dict(found.kinds)
            merge(found.kinds, kinds_of(piece.chunk))
            more = len(found._rows) < ROWS
            if more:
                few = range(min(SAMPLED_OF_PIECE, len(piece.chunk)))
                found._rows += sampled(piece.chunk.rows(few))
            if more or found.kinds != before:
                found._resolve()
            if found.resolution.layout is not None and len(piece.chunk):
                break
        return found

    def settled(self, *kinds: Mapping[str, ColumnKind], votes: Votes) -> bool:
        """Whether the layout is still the one to read by, now that the `kinds` of all rows are known,
        and the `votes` of those of train.

        A column of later files or blocks counts like one of the first: a prompt or a system text
        that only they have must not be passed over, whatever the order of the files.
        """
        layout = self.resolution.layout
        for more in kinds:
            merge(self.kinds, more)
        # Once: read another way, they must not be counted another way.
        self._votes = self._votes or (votes if votes.texts else None)
        self._resolve()
        if self.resolution.layout == layout:
            return True
        # Of columns that were not read only the names are known so far; their kinds decide too.
        for source in filter(None, (self.train, self.evaluation)):
            for piece in pieces(source):
                merge(self.kinds, kinds_of(piece.chunk))
        self._resolve()
        return self.resolution.layout == layout

    def _resolve(self) -> None:
        self.resolution = resolve(self.dataset, self.kinds, self._rows, self._votes)
