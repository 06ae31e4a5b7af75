"""Measures several sides in turn."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass
class Side:
    """The best of its rounds: rows per second, and per second of processor time."""

    rate: float = 0.0
    cpu: float = 0.0


def best(sides: Sequence[Callable[[], int]], rounds: int) -> list[Side]:
    """Runs the sides one after the other, `rounds` times; each returns how many rows it had."""
    found = [Side() for _ in sides]
    for _ in range(rounds):
        for side, result in zip(sides, found, strict=True):
            start, spent = time.perf_counter(), time.process_time()
            rows = side()
            result.rate = max(result.rate, rows / (time.perf_counter() - start))
            result.cpu = max(result.cpu, rows / (time.process_time() - spent))
    return found
