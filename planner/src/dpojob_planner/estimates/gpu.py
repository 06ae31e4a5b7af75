"""Known kinds of GPU: how fast they are and how much of their memory can be used."""

from __future__ import annotations

from dpojob_api.plan import Precision
from dpojob_api.pool import GPU
from dpojob_api.shared_training_constants import CPU_BF16_MIN_PARAMETERS

SUSTAINED_SHARE = 0.35
"""Share of a GPU's peak that training sustains. An assumption until the first measured step; set
`gpu.teraflops` on the GPUPool where a better figure is known."""
CPU = "CPU"
"""`gpu.model` of a machine that trains without a GPU."""
UNKNOWN_PEAK = 100.0
"""TFLOP/s assumed of a kind that is not listed."""

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
"""Share of the nominal memory assumed of a kind that is not listed: the least of those that are."""


def _kind(model: str) -> tuple[float, float]:
    text = "".join(c for c in model.upper() if c.isalnum())
    found = [name for name in _KINDS if name in text]
    return _KINDS[max(found, key=len)] if found else (UNKNOWN_PEAK, UNKNOWN_SHARE)


def is_cpu_only(gpu: GPU) -> bool:
    """Tell whether a pool's GPU stands for a machine that trains without one.

    Args:
        gpu: The GPU of a pool.

    Returns:
        Whether its model is "CPU".
    """
    return gpu.model == CPU


def precision(gpu: GPU, parameters: int) -> Precision:
    """Choose the precision of training.

    Args:
        gpu: The GPU of the pool.
        parameters: Number of the model's parameters.

    Returns:
        bf16 where the GPU computes in it, else fp16 with a loss scaler. On a CPU fp32, except for a
        model large enough to train faster in the CPU's bf16 (CPU_BF16_MIN_PARAMETERS).
    """
    if is_cpu_only(gpu):
        return "bf16" if gpu.bf16 and parameters >= CPU_BF16_MIN_PARAMETERS else "fp32"
    return "bf16" if gpu.bf16 else "fp16"


def sustained_flops(gpu: GPU) -> float:
    """Look up the rate that training sustains on one GPU.

    Args:
        gpu: The GPU of the pool.

    Returns:
        16-bit matrix FLOP/s: `gpu.teraflops` where it is set, else SUSTAINED_SHARE of the vendor's
        dense peak.
    """
    if gpu.teraflops is not None:
        return gpu.teraflops * 1e12
    return _kind(gpu.model)[0] * SUSTAINED_SHARE * 1e12


def usable_gib(gpu: GPU) -> float:
    """Compute the memory of one GPU that CUDA offers: error correction and the driver use the rest.

    An A10G of 24 GiB offers about 22, a T4 of 16 GiB about 14.6, an A100 of 40 GiB about 39.4.

    Args:
        gpu: The GPU of the pool.

    Returns:
        Usable memory, GiB.
    """
    return gpu.memory_gib * _kind(gpu.model)[1]
