"""Peak memory of this process."""

from __future__ import annotations

import resource

import torch

GIB = 1 << 30


def peak_memory() -> float | None:
    """Peak GPU memory of this process, GiB; None without a GPU."""
    if not torch.cuda.is_available():
        return None
    return round(float(torch.cuda.max_memory_allocated()) / GIB, 3)


def describe_peak() -> str:
    """A clause on the peak: of GPU memory, or of main memory without a GPU."""
    peak = peak_memory()
    if peak is not None:
        total = torch.cuda.get_device_properties(0).total_memory / GIB
        return f"Out of GPU memory at a measured peak of {peak:.1f} GiB of {total:.1f} GiB"
    resident = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 << 20)
    return f"Out of memory at a measured peak of {resident:.1f} GiB"
