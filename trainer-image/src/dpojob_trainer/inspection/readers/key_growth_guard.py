"""Whether the keys of JSON objects grow with the rows, as where ids are used for keys.

pyarrow gives every row a place for every key of its block: keys that differ from row to row would take
memory by the square of the rows.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

Places = NDArray[np.int64]

LOOKED_AT = 128
"""One of so many lines is looked at, at most MOST of them; CLOSELY of them where keys seem to grow."""
MOST = 64
CLOSELY = 512
SPREAD = np.random.default_rng(0).random(CLOSELY)
"""Where the lines are, from 0 to 1: in no step with keys that take turns."""
CELLS = 1 << 21
"""Keys times rows that a block may have, at some 30 bytes; with all keys on all lines it has fewer."""


def too_many_keys(data: pa.Buffer, starts: Places, ends: Places) -> bool:
    """Whether keys times rows of a block, going by some of its lines, are more than CELLS."""
    lines = len(starts)
    seen = _seen(data, starts, ends, min(max(lines // LOOKED_AT, 2), MOST))
    if _expected(seen, 1, lines) * lines <= CELLS:
        return False
    seen = _seen(data, starts, ends, CLOSELY)
    # The first half has shown keys that some lines lack; what the second adds goes on and on.
    return _expected(seen, len(seen) // 2, lines) * lines > CELLS


def _expected(seen: list[int], start: int, lines: int) -> float:
    """Keys of all lines, if they grow on as they did from `start` on."""
    growth = (seen[-1] - seen[min(start, len(seen) - 1)]) / max(1, len(seen) - 1 - start)
    return seen[-1] + growth * max(0, lines - len(seen))


def _seen(data: pa.Buffer, starts: Places, ends: Places, count: int) -> list[int]:
    """How many keys some `count` lines hold up to each one; none before the first."""
    known: set[Any] = set()
    seen = [0]
    for at in (SPREAD[:count] * len(starts)).astype(np.int64).tolist():
        line = data.slice(starts[at], ends[at] - starts[at]).to_pybytes()
        try:
            known.update(_paths(json.loads(line), ()))
        except (ValueError, RecursionError):
            continue  # Reading the block says what is wrong there.
        seen.append(len(known))
    return seen


def _paths(value: Any, above: Any) -> Iterator[Any]:
    """Every key in the value, with those above it."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield (above, key)
            yield from _paths(item, (above, key))
    elif isinstance(value, list):
        for item in value:
            yield from _paths(item, above)
