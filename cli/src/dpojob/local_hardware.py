"""This machine's hardware as a pool of one GPU: its first GPU, else its processor."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from dpojob_api.pool import GPU, GPUPoolSpec
from dpojob_api.shared_training_constants import CPU_MODEL, cpu_supports_bf16
from dpojob_planner import PoolState
from dpojob_planner.estimates import is_cpu_only, usable_gib

POOL_NAME = "local"
"""Name of the pool that stands for this machine."""
CPU_TERAFLOPS_PER_CORE = 0.03
"""An assumed fp32 rate of one core; the rate measured in the first steps replaces it."""
BF16_CAPABILITY = 8.0
"""The lowest CUDA compute capability with bfloat16 arithmetic (Ampere)."""
NVIDIA_SMI_QUERY = "--query-gpu=name,memory.free,compute_cap"


def local_pool() -> PoolState:
    """Describes this machine as a pool for the planner.

    Returns:
        A pool of one node with one free GPU, which is the processor where there is no GPU.
    """
    gpu = _first_gpu() or _processor()
    return PoolState(POOL_NAME, GPUPoolSpec(gpu=gpu), free=1, nodes=1, local=True)


def is_cpu_pool(pool: PoolState) -> bool:
    """Tells whether a pool of `local_pool` is the processor.

    Args:
        pool: The pool.

    Returns:
        True where this machine has no usable GPU.
    """
    return is_cpu_only(pool.spec.gpu)


def _first_gpu() -> GPU | None:
    program = shutil.which("nvidia-smi")
    if program is None:
        return None
    process = subprocess.run(
        [program, NVIDIA_SMI_QUERY, "--format=csv,noheader,nounits"],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    return parse_nvidia_smi(process.stdout) if process.returncode == 0 else None


def parse_nvidia_smi(listing: str) -> GPU | None:
    """Reads the first usable GPU from the output of nvidia-smi.

    Args:
        listing: One line a GPU: name, free memory in MiB, compute capability, separated by commas.

    Returns:
        The GPU, with the nominal memory at which the planner uses what is free now; None for none.
    """
    for line in listing.splitlines():
        name, _, figures = line.partition(",")
        try:
            free, capability = (float(figure) for figure in figures.split(","))
        except ValueError:
            continue
        model = name.strip()[:63] or "GPU"
        # All free memory is usable, but the planner uses only a share of the nominal memory.
        share = usable_gib(GPU(model=model, memory_gib=1.0))
        memory = free / 1024 / share
        if memory > 0:
            return GPU(model=model, memory_gib=memory, bf16=capability >= BF16_CAPABILITY)
    return None


def _processor() -> GPU:
    share = usable_gib(GPU(model=CPU_MODEL, memory_gib=1.0))
    return GPU(
        model=CPU_MODEL,
        memory_gib=max(0.1, free_memory_gib() / share),
        bf16=cpu_supports_bf16(),
        teraflops=CPU_TERAFLOPS_PER_CORE * (os.cpu_count() or 1),
    )


def free_memory_gib(meminfo: Path = Path("/proc/meminfo")) -> float:
    """Measures the memory that this process can still allocate.

    Args:
        meminfo: The kernel's memory statistics.

    Returns:
        GiB, within the container's limit where there is one.
    """
    available = _physical_gib()
    if meminfo.exists():
        for line in meminfo.read_text().splitlines():
            if line.startswith("MemAvailable:"):
                available = int(line.split()[1]) / 2**20
    limit = Path("/sys/fs/cgroup/memory.max")
    if limit.exists() and (text := limit.read_text().strip()).isdecimal():
        used = int(Path("/sys/fs/cgroup/memory.current").read_text())
        available = min(available, (int(text) - used) / 2**30)
    return available


def _physical_gib() -> float:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
