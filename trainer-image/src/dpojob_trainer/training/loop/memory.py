"""Peak memory of this process."""

from __future__ import annotations

import gc
import resource

import torch

from dpojob_trainer.training.setup.progress import GPUMemory

GIB = 1 << 30


def read_gpu_memory() -> GPUMemory | None:
    """Read the memory of this process's GPU; None without a GPU."""
    if not torch.cuda.is_available():
        return None
    free, total = torch.cuda.mem_get_info()
    return GPUMemory(
        allocated_peak=_gib(torch.cuda.max_memory_allocated()),
        reserved_peak=_gib(torch.cuda.max_memory_reserved()),
        used=_gib(total - free),
    )


def release_memory() -> None:
    """Free what no longer has a reference, on the GPU too."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def _gib(size: int) -> float:
    return round(size / GIB, 3)


def describe_peak() -> str:
    """A clause on the peak: of GPU memory, or of main memory without a GPU."""
    memory = read_gpu_memory()
    if memory is not None:
        total = torch.cuda.get_device_properties(0).total_memory / GIB
        return f"Out of GPU memory at a measured peak of {memory.allocated_peak:.1f} GiB of {total:.1f} GiB"
    resident = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 << 20)
    return f"Out of memory at a measured peak of {resident:.1f} GiB"
