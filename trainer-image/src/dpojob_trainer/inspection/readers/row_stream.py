"""All rows of a source in order, with their numbers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from dpojob_trainer.inspection.sources import DataFile, Source

from . import Chunk, read_file


@dataclass(frozen=True)
class Piece:
    """A chunk, the number of its first row, and the file it is from."""

    start: int
    chunk: Chunk
    file: DataFile
    consumed: int = 0
    """About how many bytes of the source, as stored, were read up to here."""


def steps(whole: Iterator[Piece], rows: int) -> Iterator[Piece]:
    """The same rows in pieces of at most `rows`, for work so slow that a piece takes seconds."""
    before = 0
    for piece in whole:
        count = len(piece.chunk)
        for at in range(0, max(1, count), rows):
            done = min(count, at + rows)
            consumed = before + (piece.consumed - before) * done // max(1, count)
            yield Piece(piece.start + at, piece.chunk.slice(at, rows), piece.file, consumed)
        before = piece.consumed


def pieces(source: Source, columns: Sequence[str] | None = None) -> Iterator[Piece]:
    """The chunks of all files, rows numbered through. Raises InspectionError for a damaged file."""
    start, before = 0, 0
    for file in source.files:
        for chunk in read_file(file, columns):
            yield Piece(start, chunk, file, before + chunk.consumed)
            start += len(chunk)
        before += file.stored_bytes
