"""What this machine can train on, as a pool of one: its first GPU, else its processor."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from dpojob_api.pool import GPU, GPUPoolSpec
from dpojob_api.shared_training_constants import cpu_supports_bf16
from dpojob_planner import PoolState
from dpojob_planner.estimates.gpu import CPU, is_cpu_only, usable_gib

LOCAL = "local"
"""Name of the pseudo-pool that is this machine."""
CPU_TERAFLOPS_PER_CORE = 0.03
"""A guess at what a core sustains in fp32; the measured rate replaces it at the first steps."""
BF16_CAPABILITY = 8.0
"""CUDA compute capability from which on GPUs compute in bfloat16 (Ampere)."""
QUERY = "--query-gpu=name,memory.free,compute_cap"


def local_pool() -> PoolState:
    """The pool of one."""
    gpu = _gpu() or _processor()
    return PoolState(LOCAL, GPUPoolSpec(gpu=gpu), free=1, nodes=1, local=True)


def is_cpu(pool: PoolState) -> bool:
    """Whether the pool of one has no GPU."""
    return is_cpu_only(pool.spec.gpu)


def _gpu() -> GPU | None:
    program = shutil.which("nvidia-smi")
    if program is None:
        return None
    done = subprocess.run(
        [program, QUERY, "--format=csv,noheader,nounits"],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    return parse_gpu(done.stdout) if done.returncode == 0 else None


def parse_gpu(listing: str) -> GPU | None:
    """The first GPU of nvidia-smi's listing, with the memory that is free on it now."""
    for line in listing.splitlines():
        name, _, figures = line.partition(",")
        try:
            free, capability = (float(figure) for figure in figures.split(","))
        except ValueError:
            continue
        model = name.strip()[:63] or "GPU"
        # What nvidia-smi calls free can be used in full; the planner takes a share off nominal sizes.
        share = usable_gib(GPU(model=model, memory_gib=1.0))
        memory = free / 1024 / share
        if memory > 0:
            return GPU(model=model, memory_gib=memory, bf16=capability >= BF16_CAPABILITY)
    return None


def _processor() -> GPU:
    share = usable_gib(GPU(model=CPU, memory_gib=1.0))
    return GPU(
        model=CPU,
        memory_gib=max(0.1, free_memory_gib() / share),
        bf16=cpu_supports_bf16(),
        teraflops=CPU_TERAFLOPS_PER_CORE * (os.cpu_count() or 1),
    )


def free_memory_gib(meminfo: Path = Path("/proc/meminfo")) -> float:
    """Memory that programs can still have, GiB, within the container's limit where there is one."""
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
