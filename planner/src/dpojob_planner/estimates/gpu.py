"""What is known of kinds of GPU: how fast they are and how much of their memory can be used."""

from __future__ import annotations

from dpojob_api.plan import Precision
from dpojob_api.pool import GPU
from dpojob_api.shared_training_constants import SMALL_FOR_A_CPU

SUSTAINED_SHARE = 0.35
"""Share of a GPU's peak that training sustains. An assumption until the first measured step; set
`gpu.teraflops` on the GPUPool where a better figure is known."""
PROCESSOR = "CPU"
"""The kind of a machine that trains without a GPU."""
UNKNOWN_PEAK = 100.0
"""TFLOP/s presumed of a kind that is not listed."""

_KINDS: dict[str, tuple[float, float]] = {
    # kind: (dense 16-bit tensor peak in TFLOP/s, share of the nominal memory that CUDA reports)
    "T4": (65, 0.91),
    "P100": (19, 0.99),
    "V100": (125, 0.98),
    "RTX4090": (165, 0.98),
    "A10": (125, 0.91),
    "A10G": (70, 0.91),
    "A30": (165, 0.98),
    "A40": (150, 0.92),
    "A6000": (155, 0.98),
    "L4": (121, 0.91),
    "L40S": (362, 0.92),
    "A100": (312, 0.98),
    "H100": (989, 0.98),
    "H200": (989, 0.98),
    "B200": (2250, 0.98),
}
UNKNOWN_SHARE = 0.91
"""Share of the nominal memory presumed of a kind that is not listed: the least of those that are."""


def _kind(model: str) -> tuple[float, float]:
    text = "".join(c for c in model.upper() if c.isalnum())
    found = [name for name in _KINDS if name in text]
    return _KINDS[max(found, key=len)] if found else (UNKNOWN_PEAK, UNKNOWN_SHARE)


def is_processor(gpu: GPU) -> bool:
    """Whether it stands for a machine that trains without a GPU."""
    return gpu.model == PROCESSOR


def precision(gpu: GPU, parameters: int) -> Precision:
    """bf16 where the GPU computes in it, else fp16 with a loss scaler. Without a GPU fp32, but for a
    model that is large enough to gain from a processor's bf16."""
    if is_processor(gpu):
        return "bf16" if gpu.bf16 and parameters >= SMALL_FOR_A_CPU else "fp32"
    return "bf16" if gpu.bf16 else "fp16"


def sustained_flops(gpu: GPU) -> float:
    """16-bit matrix FLOP/s that training sustains on one GPU."""
    if gpu.teraflops is not None:
        return gpu.teraflops * 1e12
    return _kind(gpu.model)[0] * SUSTAINED_SHARE * 1e12


def usable_gib(gpu: GPU) -> float:
    """Memory of one GPU that CUDA offers, GiB: error correction and the driver keep the rest.

    An A10G of 24 GiB offers about 22, a T4 of 16 GiB about 14.6, an A100 of 40 GiB about 39.4.
    """
    return gpu.memory_gib * _kind(gpu.model)[1]
