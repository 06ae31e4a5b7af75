"""All cells of the benchmark, in the order in which they are measured."""

from __future__ import annotations

from .cells import Cell, Measure
from .measurements import ablation, facts, fsdp, grid, matmul, out_of_memory, trainer_job, truth

MODULES = (facts, truth, trainer_job, fsdp, matmul, grid, ablation, out_of_memory)
"""The modules of the measurements, in the order of measuring."""


def measurements(rehearsal: bool) -> dict[Cell, Measure]:
    """All cells with their measurements; imports no torch."""
    found: dict[Cell, Measure] = {}
    for module in MODULES:
        found |= module.cells(rehearsal)
    return found
