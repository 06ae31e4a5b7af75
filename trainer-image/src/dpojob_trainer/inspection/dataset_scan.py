"""One pass over a split: every row judged, counted and compared."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import cast

import numpy as np

from dpojob_trainer.shared.preference_pair import Format

from .columns.column_layout import Layout
from .columns.column_types import kinds_of, merge
from .columns.preset import ColumnKind
from .columns.presets import Votes, texts_decide
from .readers.prefetch import prefetched
from .readers.row_stream import Piece, pieces, steps
from .sources import DataFile, Source
from .statistics.duplicates import Fingerprints
from .statistics.eval_split import Places
from .statistics.token_lengths import LengthFigures
from .validation.error_aggregation import EXAMPLES, Faults
from .validation.row_validator import Accepted, Judge

COUNTED_ROWS = 1024
"""Rows between two reports of progress where tokens are counted, about a second of work."""

Advance = Callable[[int, int], None]
"""Told of rows and file bytes done so far."""


@dataclass
class Scan:
    """What a pass counted."""

    lengths: LengthFigures
    rows: int = 0
    valid: int = 0
    implicit: int = 0
    formats: Counter[str] = field(default_factory=Counter)
    faults: Faults = field(default_factory=Faults)
    places: Places = field(default_factory=Places)
    kinds: dict[str, ColumnKind] = field(default_factory=dict)
    """Every column seen, in order, with its kind."""
    votes: Votes = field(default_factory=Votes)
    """Counted only where they could decide on the layout."""
    long_rows: list[int] = field(default_factory=list)

    @property
    def format(self) -> Format | None:
        """The format of most accepted rows; None without any."""
        found = max(("conversational", "standard"), key=lambda name: self.formats[name])
        return cast(Format, found) if self.formats else None

    def take(self, accepted: Accepted, prints: Fingerprints, evaluation: bool) -> None:
        """Counts accepted rows."""
        self.valid += len(accepted.numbers)
        self.formats.update(accepted.formats)
        self.implicit += accepted.implicit
        self.places.add(accepted.prints.prompt)
        prints.add(accepted.prints, accepted.numbers, evaluation=evaluation)
        over = self.lengths.add(accepted.lengths)
        room = EXAMPLES - len(self.long_rows)
        if room > 0:
            self.long_rows += accepted.numbers[over[:room]].tolist()

    def vote(self, layout: Layout, piece: Piece, accepted: list[Accepted]) -> None:
        """Counts the transcripts of a piece; those that were read as such need no further look."""
        left = np.ones(len(piece.chunk), np.bool_)
        if layout.preset.transcripts:
            for part in accepted:
                left[part.numbers - piece.start] = False
            self.votes.add_transcripts(int((~left).sum()))
        column = layout.columns["chosen"]
        rows = piece.chunk.only(column).rows(None if left.all() else np.flatnonzero(left).tolist())
        self.votes.add(row.get(column) for row in rows)


def scan(
    judge: Judge,
    source: Source,
    prints: Fingerprints,
    figures: LengthFigures,
    opened: Callable[[DataFile], None],
    advance: Advance,
    *,
    evaluation: bool = False,
) -> Scan:
    """The whole split. Raises InspectionError for a file that cannot be read to its end.

    `opened` is told of each file when its first rows were read.
    """
    found = Scan(figures)
    current = None
    read = prefetched(pieces(source, judge.layout.used))
    for piece in read if judge.counter is None else steps(read, COUNTED_ROWS):
        if piece.file is not current:
            current = piece.file
            opened(current)
        merge(found.kinds, kinds_of(piece.chunk))
        accepted, faults = judge.survey(piece)
        for rows in accepted:
            found.take(rows, prints, evaluation)
        for number, fault in faults:
            found.faults.add(fault, number)
        if not evaluation and texts_decide(found.kinds, judge.layout.preset):
            found.vote(judge.layout, piece, accepted)
        found.rows = piece.start + len(piece.chunk)
        advance(found.rows, piece.consumed)
    return found
