"""The judge at work: a piece of the dataset in, its accepted rows and its faults out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from dpojob_api.report import ProblemCode
from dpojob_trainer.inspection.columns.column_layout import Layout
from dpojob_trainer.inspection.readers.row_stream import Piece
from dpojob_trainer.inspection.statistics.row_hash import Prints, fingerprints, fingerprints_of
from dpojob_trainer.inspection.tokenization.token_counter import TokenCounter
from dpojob_trainer.shared.preference_pair import Format, Pair
from dpojob_trainer.shared.row_error import Fault

from .row_normalizer import judge
from .vectorized_validator import Screened, screen

Faults = list[tuple[int, Fault]]


@dataclass
class Accepted:
    """Accepted rows, as the report needs them."""

    numbers: NDArray[np.int64]
    prints: Prints
    lengths: NDArray[np.int64]
    """(prompt, chosen, rejected) by row, in tokens or else in characters."""
    formats: Counter[str] = field(default_factory=Counter)
    implicit: int = 0


@dataclass(frozen=True)
class Judge:
    """All that decides about a row."""

    layout: Layout
    chat: bool
    """Whether training gets message lists."""
    expected: Format | None = None
    """The dataset's format, once it is known."""
    counter: TokenCounter | None = None
    limit: int | None = None
    """Tokens that a prompt must stay below; None where TRL cuts elsewhere."""

    def survey(self, piece: Piece) -> tuple[list[Accepted], Faults]:
        """Figures of the accepted rows, and the faults of the others."""
        screened, numbers, pairs, faults = self.check(piece)
        found = [] if screened is None else [_of_screened(screened, piece.start)]
        lengths = None
        if self.counter is not None:
            numbers, pairs, lengths, more = self._measured(self.counter, numbers, pairs)
            faults += more
        if pairs:
            found.append(_of_pairs(numbers, pairs, lengths))
        return found, faults

    def check(self, piece: Piece) -> tuple[Screened | None, list[int], list[Pair], Faults]:
        """The structural verdict alone: rows that are plainly sound, other pairs, and faults.

        With a counter every row is made a pair, since its tokens are counted anyway.
        """
        screened = self._screen(piece) if self.counter is None else None
        left: Sequence[int] | None = None
        if screened is not None:
            sound = np.zeros(len(piece.chunk), np.bool_)
            sound[screened.rows] = True
            left = np.flatnonzero(~sound).tolist()
        numbers, pairs, faults = self._judged(piece, left)
        return screened, numbers, pairs, faults

    def pairs(self, piece: Piece) -> list[Pair]:
        """The accepted rows themselves, in order."""
        numbers, pairs, _ = self._judged(piece, None)
        if self.counter is not None:
            _, pairs, _, _ = self._measured(self.counter, numbers, pairs)
        return pairs

    def _screen(self, piece: Piece) -> Screened | None:
        if piece.chunk.batch is None or self._absent(piece):
            return None
        try:
            screened = screen(self.layout, piece.chunk.batch, self.chat)
        except pa.ArrowNotImplementedError:
            return None
        if screened is None or self.expected not in (None, screened.format):
            return None
        return screened

    def _absent(self, piece: Piece) -> str | None:
        """A column that the piece's file lacks altogether."""
        columns = piece.chunk.columns
        return next((name for name in self.layout.required if name not in columns), None)

    def _judged(
        self, piece: Piece, rows: Sequence[int] | None
    ) -> tuple[list[int], list[Pair], Faults]:
        numbers: list[int] = []
        pairs: list[Pair] = []
        faults: Faults = []
        absent = self._absent(piece)
        if absent is not None:
            fault = Fault(
                ProblemCode.MISSING_COLUMN, f"rows of {piece.file.name} have no column {absent!r}"
            )
            return numbers, pairs, [(piece.start + at, fault) for at in range(len(piece.chunk))]
        places = range(len(piece.chunk)) if rows is None else rows
        if not places:
            return numbers, pairs, faults
        for place, row in zip(places, piece.chunk.rows(rows), strict=True):
            verdict = judge(self.layout, row, self.expected)
            if isinstance(verdict, Fault):
                faults.append((piece.start + place, verdict))
            else:
                numbers.append(piece.start + place)
                listed = self.chat or verdict.format == "conversational"
                pairs.append(verdict.conversation() if listed else verdict.text())
        return numbers, pairs, faults

    def _measured(
        self, counter: TokenCounter, numbers: list[int], pairs: list[Pair]
    ) -> tuple[list[int], list[Pair], NDArray[np.int64], Faults]:
        """Counts tokens; rows that the template refuses or levels, or whose prompt fills maxLength, go."""
        kept_numbers, kept, lengths = [], [], []
        faults: Faults = []
        for number, pair, length in zip(
            numbers, pairs, counter.lengths(pairs, self.limit), strict=True
        ):
            if isinstance(length, Fault):
                faults.append((number, length))
            elif self.limit is not None and length.prompt >= self.limit:
                faults.append((number, _too_long(self.limit)))
            else:
                kept_numbers.append(number)
                kept.append(pair)
                lengths.append(length)
        return kept_numbers, kept, np.array(lengths, np.int64).reshape(-1, 3), faults


def _of_screened(screened: Screened, start: int) -> Accepted:
    prints = fingerprints(screened.prompts(), screened.chosen(), screened.rejected())
    count = len(screened.rows)
    return Accepted(
        screened.rows + start,
        prints,
        screened.characters(),
        Counter({screened.format: count} if count else {}),
        count if screened.implicit else 0,
    )


def _of_pairs(numbers: list[int], pairs: list[Pair], lengths: NDArray[np.int64] | None) -> Accepted:
    if lengths is None:
        lengths = np.array([pair.characters() for pair in pairs], np.int64)
    return Accepted(
        np.array(numbers, np.int64),
        fingerprints_of(pairs),
        lengths,
        Counter(pair.format for pair in pairs),
        sum(pair.implicit for pair in pairs),
    )


def _too_long(limit: int) -> Fault:
    return Fault(
        ProblemCode.PROMPT_TOO_LONG,
        f"the prompt alone fills maxLength {limit} tokens, nothing is left for an answer",
    )
