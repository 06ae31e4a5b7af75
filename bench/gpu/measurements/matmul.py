"""The rate that large matrix products sustain."""

from __future__ import annotations

import time
from functools import partial
from typing import Any

from bench.gpu.cells import Cell, Context, Measure
from bench.gpu.models import compute_dtype, device
from bench.gpu.step import synchronize

SIZES = (4096, 8192)
REHEARSAL_DIVISOR = 64
SUSTAINED_SECONDS = 6.0
"""Long enough for the clocks of a board with little power to fall."""
WINDOW_SECONDS = 1.0


def cells(rehearsal: bool) -> dict[Cell, Measure]:
    """One cell for each size of a square matrix."""
    return {Cell("matmul", f"{size}", 20.0): partial(_measure, size=size) for size in SIZES}


def _measure(context: Context, size: int) -> dict[str, Any]:
    import torch

    seconds, window = SUSTAINED_SECONDS, WINDOW_SECONDS
    if context.rehearsal:
        size, seconds, window = size // REHEARSAL_DIVISOR, 0.2, 0.1
    first, second = (
        torch.randn(size, size, device=device(), dtype=compute_dtype()) for _ in range(2)
    )
    rates, begun = [], time.monotonic()
    while time.monotonic() - begun < seconds:
        synchronize()
        start, products = time.monotonic(), 0
        while time.monotonic() - start < window:
            for _ in range(10):
                first @ second
            synchronize()
            products += 10
        rates.append(products * 2 * size**3 / (time.monotonic() - start) / 1e12)
    return {
        "size": size,
        "dtype": str(compute_dtype()).removeprefix("torch."),
        "firstTeraflops": rates[0],
        "sustainedTeraflops": rates[-1],
    }
