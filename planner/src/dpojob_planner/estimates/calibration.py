"""The figures that a benchmark on a card replaces: `bench/gpu/apply.py` writes calibration.json.

A value without a measurement is an assumption. docs/plan.md lists all of them with their origin, and the
reasons of a plan name the origin of the rate.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from dpojob_api.base import StrictModel

PATH = Path(__file__).with_name("calibration.json")

ConstantName = Literal[
    "CUDA_CONTEXT_GIB",
    "FRAGMENTATION_SHARE",
    "HALF_RATE_TOKENS",
    "QLORA_SLOWDOWN",
    "SECONDS_PER_LAYER_PASS",
]


class Measurement(StrictModel):
    """Where a figure was measured."""

    card: str
    """Name of the card, as its driver reports it."""
    date: str
    """Day of the measurement, YYYY-MM-DD."""

    def __str__(self) -> str:
        return f"measured on {self.card}, {self.date}"


class Constant(StrictModel):
    """One constant of the planner."""

    value: float
    measured: Measurement | None = None
    """None: assumed."""


class Rate(StrictModel):
    """The rates of one kind of GPU, 16-bit TFLOP/s."""

    matmul_teraflops: float
    """The rate of large matrix products."""
    training_teraflops: float
    """The rate of training steps with many tokens."""
    measured: Measurement


class Calibration(StrictModel):
    """All figures of calibration.json."""

    constants: dict[ConstantName, Constant]
    rates: dict[str, Rate]
    """The measured rates by the names of `gpu_kinds.KINDS`."""


_CALIBRATION = Calibration.model_validate_json(PATH.read_text(encoding="utf-8"))
CONSTANTS: Mapping[ConstantName, Constant] = MappingProxyType(_CALIBRATION.constants)
"""The constants by name."""
RATES: Mapping[str, Rate] = MappingProxyType(_CALIBRATION.rates)
"""The measured rates by kind of GPU; a kind without one has the rate that `gpu_kinds` assumes."""
