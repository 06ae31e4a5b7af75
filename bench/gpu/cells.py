"""A cell of the benchmark, and what its measurement gets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TOTAL_SECONDS = 465.0
"""The time for all cells; with the start and the fit a run takes 8 minutes. Cells that have not begun by then are left out."""


@dataclass(frozen=True)
class Context:
    """What every measurement gets."""

    rehearsal: bool
    """Tiny shapes on the CPU, to test the benchmark itself."""
    scratch: Path
    """A writable directory with space for a model of 0.5B and its checkpoints."""


Measure = Callable[[Context], dict[str, Any]]
"""Measures one cell; raises any error, which is recorded."""


@dataclass(frozen=True)
class Cell:
    """One measurement."""

    section: str
    name: str
    seconds: float
    """Its time box."""

    @property
    def key(self) -> str:
        """Names the cell in the document."""
        return f"{self.section}/{self.name}"
