"""All rows of a source in order, with their row numbers."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dpojob_trainer.inspection.sources import DataFile, Source
from dpojob_trainer.shared.rows.row_batch import RowBatch

from .dispatch import read_file


@dataclass(frozen=True)
class NumberedBatch:
    """A batch of rows, the number of its first row, and the file it is from."""

    start: int
    rows: RowBatch
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
    for batch in whole:
        count = len(batch.rows)
        for at in range(0, max(1, count), rows):
            done = min(count, at + rows)
            consumed = before + (batch.consumed - before) * done // max(1, count)
            yield NumberedBatch(batch.start + at, batch.rows.slice(at, rows), batch.file, consumed)
        before = batch.consumed


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
        for rows in read_file(file, columns):
            yield NumberedBatch(start, rows, file, before + rows.consumed)
            start += len(rows)
        before += file.size


def read_numbered_rows(
    source: Source, columns: Sequence[str] | None, wanted: Collection[int]
) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Read some rows of a split.

    Args:
        source: The split.
        columns: The columns to read; None for all.
        wanted: Row numbers in the split.

    Yields:
        Numbers and rows, in order.

    Raises:
        InspectionError: A file cannot be read.
    """
    if not wanted:
        return
    first, last = 0, max(wanted)
    for file in source.files:
        for batch in read_file(file, columns):
            numbers = [number for number in sorted(wanted) if first <= number < first + len(batch)]
            rows = batch.rows([number - first for number in numbers])
            yield from zip(numbers, rows, strict=True)
            first += len(batch)
            if first > last:
                return
