"""The judge at work: a piece of the dataset in, its accepted pairs and its faults out."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from dpojob_api.report import ProblemCode

from .fault import Fault
from .layout import Layout
from .rows import Format, Pair, judge
from .stream import Piece
from .tokens.counter import TokenCounter

NO_LENGTHS = np.zeros((0, 3), np.int64)


@dataclass
class Judged:
    """What a piece holds: `numbers`, `pairs` and `lengths` (if counted) of the accepted rows."""

    numbers: list[int] = field(default_factory=list)
    pairs: list[Pair] = field(default_factory=list)
    lengths: NDArray[np.int64] = field(default_factory=lambda: NO_LENGTHS)
    faults: list[tuple[int, Fault]] = field(default_factory=list)


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

    def judge(self, piece: Piece) -> Judged:
        """Every row of the piece."""
        found = Judged()
        absent = [column for column in self.layout.required if column not in piece.chunk.columns]
        if absent:
            fault = Fault(
                ProblemCode.MISSING_COLUMN, f"{piece.file.name} has no column {absent[0]!r}"
            )
            found.faults = [(piece.start + offset, fault) for offset in range(len(piece.chunk))]
            return found
        for offset, row in enumerate(piece.chunk.rows()):
            verdict = judge(self.layout, row, self.expected)
            if isinstance(verdict, Fault):
                found.faults.append((piece.start + offset, verdict))
            else:
                found.numbers.append(piece.start + offset)
                found.pairs.append(
                    verdict.conversation()
                    if self.chat or verdict.format == "conversational"
                    else verdict.text()
                )
        if self.counter is not None:
            self._measure(self.counter, found)
        else:
            found.lengths = np.array([pair.characters() for pair in found.pairs], np.int64).reshape(
                -1, 3
            )
        return found

    def _measure(self, counter: TokenCounter, found: Judged) -> None:
        """Counts tokens; rows that the template refuses or whose prompt fills maxLength go."""
        numbers, pairs, lengths = [], [], []
        for number, pair, length in zip(
            found.numbers, found.pairs, counter.lengths(found.pairs), strict=True
        ):
            if isinstance(length, Fault):
                found.faults.append((number, length))
            elif self.limit is not None and length.prompt >= self.limit:
                found.faults.append((number, _too_long(self.limit)))
            else:
                numbers.append(number)
                pairs.append(pair)
                lengths.append(length)
        found.numbers, found.pairs = numbers, pairs
        found.lengths = np.array(lengths, np.int64).reshape(-1, 3)


def _too_long(limit: int) -> Fault:
    return Fault(
        ProblemCode.PROMPT_TOO_LONG,
        f"the prompt alone fills maxLength {limit} tokens, nothing is left for an answer",
    )
