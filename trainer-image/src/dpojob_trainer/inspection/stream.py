"""All rows of a source, judged in order, with their numbers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from dpojob_api.report import ProblemCode

from .fault import Fault
from .layout import Layout
from .reading import Chunk, read_file
from .rows import Format, Pair, judge
from .source import DataFile, Source


@dataclass(frozen=True)
class Piece:
    """A chunk, the number of its first row, and the file it is from."""

    start: int
    chunk: Chunk
    file: DataFile


def pieces(source: Source, columns: Sequence[str] | None = None) -> Iterator[Piece]:
    """The chunks of all files, rows numbered through. Raises CouldNotLook for a damaged file."""
    start = 0
    for file in source.files:
        for chunk in read_file(file, columns):
            yield Piece(start, chunk, file)
            start += len(chunk)


def judged(
    layout: Layout, piece: Piece, expected: Format | None
) -> Iterator[tuple[int, Pair | Fault]]:
    """Every row of a piece as its pair or fault."""
    absent = [column for column in layout.required if column not in piece.chunk.columns]
    if absent:
        fault = Fault(ProblemCode.MISSING_COLUMN, f"{piece.file.name} has no column {absent[0]!r}")
        for offset in range(len(piece.chunk)):
            yield piece.start + offset, fault
        return
    rows: list[Any] = list(piece.chunk.rows())
    for offset, row in enumerate(rows):
        yield piece.start + offset, judge(layout, row, expected)
