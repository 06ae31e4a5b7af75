"""All rows of a source in order, with their row numbers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from dpojob_trainer.inspection.sources import DataFile, Source

from . import RowBatch, read_file


@dataclass(frozen=True)
class NumberedBatch:
    """A batch of rows, the number of its first row, and the file it is from."""

    start: int
    chunk: RowBatch
    file: DataFile
    consumed: int = 0
    """About how many bytes of the source as stored were read so far."""


def split_batches(whole: Iterator[NumberedBatch], rows: int) -> Iterator[NumberedBatch]:
    """Split batches into smaller ones, for work so slow that a whole batch takes seconds.

    Args:
        whole: The batches.
        rows: The most rows of a batch.

    Yields:
        The same rows.
    """
    before = 0
    for piece in whole:
        count = len(piece.chunk)
        for at in range(0, max(1, count), rows):
            done = min(count, at + rows)
            consumed = before + (piece.consumed - before) * done // max(1, count)
            yield NumberedBatch(piece.start + at, piece.chunk.slice(at, rows), piece.file, consumed)
        before = piece.consumed


def read_source(source: Source, columns: Sequence[str] | None = None) -> Iterator[NumberedBatch]:
    """Read all files of a source; row numbers go on from file to file.

    Args:
        source: The source.
        columns: The columns to read; None for all.

    Yields:
        Batches of rows.

    Raises:
        InspectionError: A file is damaged.
    """
    start, before = 0, 0
    for file in source.files:
        for chunk in read_file(file, columns):
            yield NumberedBatch(start, chunk, file, before + chunk.consumed)
            start += len(chunk)
        before += file.stored_bytes
