"""Duplicates, contradictions and leaks among any number of rows, in bounded memory.

Fingerprints are kept in memory up to a limit and then on scratch, in parts by their leading bits, so
that equal ones meet in one part and each part fits in memory by itself.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .row_hash import Prints

PARTS = 64
IN_MEMORY = 1 << 20
"""Rows held before they go to scratch; 32 bytes each."""
EXAMPLES = 10

RECORD = np.dtype(
    [("pair", "<u8"), ("exact", "<u8"), ("row", "<i8"), ("swapped", "?"), ("eval", "?")]
)


@dataclass
class Repeats:
    """What repeats, over all rows."""

    duplicates: int = 0
    """Rows whose pair, the same way round, occurred before; up to case and white space."""
    exact: int = 0
    """Those of them that repeat byte by byte."""
    contradictions: int = 0
    """Pairs that occur both ways round."""
    overlap: int = 0
    """Evaluation rows whose pair is trained on too."""
    duplicate_rows: list[int] = field(default_factory=list)
    contradictory_rows: list[int] = field(default_factory=list)
    overlap_rows: list[int] = field(default_factory=list)


class Fingerprints:
    """All rows' fingerprints. Use as a context: scratch files go with it."""

    def __init__(self, scratch: Path) -> None:
        self._scratch = scratch
        self._directory: tempfile.TemporaryDirectory[str] | None = None
        self._held: list[NDArray[np.void]] = []
        self._count = 0

    def __enter__(self) -> Fingerprints:
        return self

    def __exit__(self, *_: object) -> None:
        if self._directory is not None:
            self._directory.cleanup()

    def add(self, prints: Prints, rows: NDArray[np.int64], *, evaluation: bool = False) -> None:
        """Adds some rows."""
        records = np.zeros(len(rows), RECORD)
        records["pair"] = prints.pair
        records["exact"] = prints.exact
        records["swapped"] = prints.swapped
        records["row"] = rows
        records["eval"] = evaluation
        self._held.append(records)
        self._count += len(records)
        if self._count >= IN_MEMORY:
            self._spill()

    def _spill(self) -> None:
        if self._directory is None:
            self._directory = tempfile.TemporaryDirectory(dir=self._scratch, prefix="fingerprints-")
        records = np.concatenate(self._held)
        part = (records["pair"] >> np.uint64(58)).astype(np.int8)
        order = np.argsort(part, kind="stable")
        records, part = records[order], part[order]
        bounds = np.searchsorted(part, np.arange(PARTS + 1))
        for index in range(PARTS):
            with (Path(self._directory.name) / str(index)).open("ab") as file:
                records[bounds[index] : bounds[index + 1]].tofile(file)
        self._held, self._count = [], 0

    def _parts(self) -> Iterator[NDArray[np.void]]:
        if self._directory is None:
            if self._held:
                yield np.concatenate(self._held)
            return
        if self._held:
            self._spill()
        for index in range(PARTS):
            yield np.fromfile(Path(self._directory.name) / str(index), RECORD)

    def repeats(self) -> Repeats:
        """Everything that repeats."""
        found = Repeats()
        for part in self._parts():
            _count(part, found)
        found.duplicate_rows = sorted(found.duplicate_rows)[:EXAMPLES]
        found.contradictory_rows = sorted(found.contradictory_rows)[:EXAMPLES]
        found.overlap_rows = sorted(found.overlap_rows)[:EXAMPLES]
        return found


def _count(records: NDArray[np.void], found: Repeats) -> None:
    training = records[~records["eval"]]
    training = training[np.lexsort((training["row"], training["swapped"], training["pair"]))]
    pair = training["pair"]
    same = pair[1:] == pair[:-1]
    turned = training["swapped"][1:] != training["swapped"][:-1]
    again = np.flatnonzero(same & ~turned) + 1
    found.duplicates += len(again)
    found.duplicate_rows += sorted(training["row"][again].tolist())[:EXAMPLES]
    both = np.flatnonzero(same & turned) + 1
    found.contradictions += len(both)
    found.contradictory_rows += sorted(training["row"][both].tolist())[:EXAMPLES]
    exact = np.sort(training["exact"])
    found.exact += int((exact[1:] == exact[:-1]).sum())
    held = records[records["eval"]]
    if not len(held):
        return
    leaked = np.isin(held["pair"], pair)
    found.overlap += int(leaked.sum())
    found.overlap_rows += sorted(held["row"][leaked].tolist())[:EXAMPLES]
