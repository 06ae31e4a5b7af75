"""Duplicates, contradictions and leaks among any number of rows, in bounded memory.

Hashes are kept in memory up to a limit and then in scratch files, partitioned by their leading bits:
equal hashes are in the same partition, and each partition fits in memory by itself.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .row_hash import RowHashes

PARTITIONS = 64
PARTITION_BITS = 6
MAX_ROWS_IN_MEMORY = 1 << 20
"""Rows held before they are written to scratch; 32 bytes each."""
MAX_EXAMPLES = 10

RECORD = np.dtype(
    [("pair", "<u8"), ("exact", "<u8"), ("row", "<i8"), ("swapped", "?"), ("eval", "?")]
)


@dataclass
class DuplicateStatistics:
    """What occurs more than once, over all rows of both splits."""

    duplicates: int = 0
    """Rows whose pair, with the same answer preferred, occurred before; up to case and white space."""
    exact: int = 0
    """Those of them that repeat byte by byte."""
    contradictions: int = 0
    """Pairs that occur in both orders."""
    overlap: int = 0
    """Evaluation rows whose pair is trained on too."""
    duplicate_rows: list[int] = field(default_factory=list)
    contradictory_rows: list[int] = field(default_factory=list)
    overlap_rows: list[int] = field(default_factory=list)


class DuplicateFinder:
    """Collects the hashes of all rows. Use it as a context: leaving it removes its scratch files.

    Args:
        scratch: The directory for scratch files.
    """

    def __init__(self, scratch: Path) -> None:
        self._scratch = scratch
        self._directory: tempfile.TemporaryDirectory[str] | None = None
        self._held: list[NDArray[np.void]] = []
        self._count = 0

    def __enter__(self) -> DuplicateFinder:
        return self

    def __exit__(self, *_: object) -> None:
        if self._directory is not None:
            self._directory.cleanup()

    def add(
        self, hashes: RowHashes, rows: NDArray[np.int64], *, is_evaluation: bool = False
    ) -> None:
        """Add rows.

        Args:
            hashes: The rows' hashes.
            rows: Their row numbers, as many.
            is_evaluation: Whether they are of the evaluation split.
        """
        records = np.zeros(len(rows), RECORD)
        records["pair"] = hashes.pair
        records["exact"] = hashes.exact
        records["swapped"] = hashes.swapped
        records["row"] = rows
        records["eval"] = is_evaluation
        self._held.append(records)
        self._count += len(records)
        if self._count >= MAX_ROWS_IN_MEMORY:
            self._spill()

    def _spill(self) -> None:
        if self._directory is None:
            self._directory = tempfile.TemporaryDirectory(dir=self._scratch, prefix="fingerprints-")
        records = np.concatenate(self._held)
        partition = (records["pair"] >> np.uint64(64 - PARTITION_BITS)).astype(np.int8)
        order = np.argsort(partition, kind="stable")
        records, partition = records[order], partition[order]
        bounds = np.searchsorted(partition, np.arange(PARTITIONS + 1))
        for index in range(PARTITIONS):
            with (Path(self._directory.name) / str(index)).open("ab") as file:
                records[bounds[index] : bounds[index + 1]].tofile(file)
        self._held, self._count = [], 0

    def _partitions(self) -> Iterator[NDArray[np.void]]:
        if self._directory is None:
            if self._held:
                yield np.concatenate(self._held)
            return
        if self._held:
            self._spill()
        for index in range(PARTITIONS):
            yield np.fromfile(Path(self._directory.name) / str(index), RECORD)

    def statistics(self) -> DuplicateStatistics:
        """Compare all rows that were added.

        Returns:
            The counts, with the numbers of the first rows concerned.
        """
        found = DuplicateStatistics()
        for records in self._partitions():
            _count(records, found)
        found.duplicate_rows = sorted(found.duplicate_rows)[:MAX_EXAMPLES]
        found.contradictory_rows = sorted(found.contradictory_rows)[:MAX_EXAMPLES]
        found.overlap_rows = sorted(found.overlap_rows)[:MAX_EXAMPLES]
        return found


def _count(records: NDArray[np.void], found: DuplicateStatistics) -> None:
    training = records[~records["eval"]]
    training = training[np.lexsort((training["row"], training["swapped"], training["pair"]))]
    pair = training["pair"]
    same_pair = pair[1:] == pair[:-1]
    other_way_round = training["swapped"][1:] != training["swapped"][:-1]
    repeated = np.flatnonzero(same_pair & ~other_way_round) + 1
    found.duplicates += len(repeated)
    found.duplicate_rows += sorted(training["row"][repeated].tolist())[:MAX_EXAMPLES]
    contradictory = np.flatnonzero(same_pair & other_way_round) + 1
    found.contradictions += len(contradictory)
    found.contradictory_rows += sorted(training["row"][contradictory].tolist())[:MAX_EXAMPLES]
    exact = np.sort(training["exact"])
    found.exact += int((exact[1:] == exact[:-1]).sum())
    evaluation = records[records["eval"]]
    if not len(evaluation):
        return
    leaked = np.isin(evaluation["pair"], pair)
    found.overlap += int(leaked.sum())
    found.overlap_rows += sorted(evaluation["row"][leaked].tolist())[:MAX_EXAMPLES]
