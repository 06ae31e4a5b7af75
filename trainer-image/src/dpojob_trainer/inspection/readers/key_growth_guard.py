"""Detects JSON objects whose keys grow with the rows, as where ids are used as keys.

pyarrow allocates a cell for every key of a block in every row: with keys that differ from row to row,
memory would grow with the square of the rows.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

Positions = NDArray[np.int64]

LINES_PER_SAMPLE = 128
"""The first sample takes one line of this many, at most MAX_FIRST_SAMPLE; SECOND_SAMPLE lines follow
where keys seem to grow."""
MAX_FIRST_SAMPLE = 64
SECOND_SAMPLE = 512
_random = random.Random(0)
SAMPLE_POSITIONS = np.array([_random.random() for _ in range(SECOND_SAMPLE)])
"""Positions of the sampled lines, from 0 to 1; random, so that periodic keys are not missed."""
MAX_CELLS = 1 << 21
"""The largest number of keys times rows of a block; a cell takes about 30 bytes."""


def too_many_keys(data: pa.Buffer, starts: Positions, ends: Positions) -> bool:
    """Whether a block would have more than `MAX_CELLS` cells, estimated from a sample of its lines.

    Args:
        data: The block.
        starts: The positions where its lines start.
        ends: The positions where its lines end.

    Returns:
        Whether keys times rows exceed the limit.
    """
    lines = len(starts)
    counts = _count_keys(
        data, starts, ends, min(max(lines // LINES_PER_SAMPLE, 2), MAX_FIRST_SAMPLE)
    )
    if _estimate_keys(counts, 1, lines) * lines <= MAX_CELLS:
        return False
    counts = _count_keys(data, starts, ends, SECOND_SAMPLE)
    # The first half shows the keys that only some lines have; what the second half adds is growth.
    return _estimate_keys(counts, len(counts) // 2, lines) * lines > MAX_CELLS


def _estimate_keys(counts: list[int], start: int, lines: int) -> float:
    """The keys of all lines, if they keep growing as they did from the sample `start` on."""
    growth = (counts[-1] - counts[min(start, len(counts) - 1)]) / max(1, len(counts) - 1 - start)
    return counts[-1] + growth * max(0, lines - len(counts))


def _count_keys(data: pa.Buffer, starts: Positions, ends: Positions, count: int) -> list[int]:
    """The number of distinct keys in the first 0, 1, ... `count` sampled lines."""
    keys: set[Any] = set()
    counts = [0]
    for at in (SAMPLE_POSITIONS[:count] * len(starts)).astype(np.int64).tolist():
        line = data.slice(starts[at], ends[at] - starts[at]).to_pybytes()
        try:
            keys.update(_key_paths(json.loads(line), ()))
        except (ValueError, RecursionError):
            continue  # Parsing the block reports the error.
        counts.append(len(keys))
    return counts


def _key_paths(value: Any, parent: Any) -> Iterator[Any]:
    """Every key in the value, with its parent keys."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield (parent, key)
            yield from _key_paths(item, (parent, key))
    elif isinstance(value, list):
        for item in value:
            yield from _key_paths(item, parent)
