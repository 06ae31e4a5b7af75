"""Known kinds of GPU with the figures of their data sheets, and how a pool's GPU is recognised.

Peaks are dense (without sparsity) and for 16-bit inputs with fp32 accumulation, which training uses. Data
sheets print twice as much for sparse matrices, and half as much is left where a card accumulates in fp32
at half rate (GeForce cards, A10G).

Data sheets could not be opened while this table was written. Its peaks were compared with other people's
copies of them: the table of peaks in karpathy/nanochat (nanochat/common.py) has RTX3090, RTX4090, A30,
A40, A100, L4, L40S, H100, H100PCIE, H200 and B200 with the same figures; the specifications in
sysrqmts.com have T4, vendors' pages L40; llm-analysis tables that link NVIDIA's RTX white papers have A6000
and RTX6000ADA. Nothing confirmed the peaks of A10 and A10G: other people's tables have 125 for an A10, and
either 70 or 125 for an A10G, of which the lower one stands here (those with 70 cite
baseten.co/blog/nvidia-a10-vs-a10g-for-ml-model-inference). No sustained rate of either was found published.
`memory_share` is from memory for every kind.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from dpojob_api.pool import GPU

MATMUL_SHARE = 0.7
"""Share of the dense peak that large matrix products sustain on a card with enough power. An assumption;
no card has confirmed it."""
POWER_CAPPED_MATMUL_SHARE = 0.37
"""The same for boards of at most 150 W, whose clocks fall under a sustained load: a T4 sustains 24 of its
65 TFLOP/s in cuBLAS products, which NVIDIA there attributes to the board's 70 W
(forums.developer.nvidia.com/t/about-gpu-peak-performance/264462). For other such boards an assumption."""
MIG_SLICES = 7
"""Compute slices of a GPU: a profile "3g.20gb" has 3 of 7 (NVIDIA MIG User Guide, "GPU Instance
Profiles", fraction of SMs)."""
MIG_MEMORY_SHARE = 0.95
"""Share of the nominal memory that a MIG slice offers: 4.75 GiB of a 1g.5gb (NVIDIA MIG User Guide)."""
MINIMUM_CAPABILITY = 7.5
"""The lowest compute capability for which the image's CUDA 13 wheels of torch have code: CUDA 13 removed
Maxwell, Pascal and Volta (NVIDIA CUDA 13.0 release notes)."""


@dataclass(frozen=True)
class GPUKind:
    """A kind of GPU."""

    peak_teraflops: float
    """Dense 16-bit tensor peak with fp32 accumulation, TFLOP/s."""
    memory_share: float
    """Share of the nominal memory that CUDA reports; error correction and the driver use the rest."""
    source: str
    """Where the peak is published."""
    power_capped: bool = False
    """The board has at most 150 W."""

    @property
    def matmul_teraflops(self) -> float:
        """TFLOP/s that large matrix products sustain."""
        share = POWER_CAPPED_MATMUL_SHARE if self.power_capped else MATMUL_SHARE
        return share * self.peak_teraflops


KINDS: dict[str, GPUKind] = {
    "T4": GPUKind(65, 0.91, "NVIDIA T4 data sheet, mixed precision", power_capped=True),
    "RTX3090": GPUKind(71, 0.98, "NVIDIA Ampere GA102 GPU Architecture white paper"),
    "RTX4090": GPUKind(165.2, 0.98, "NVIDIA Ada GPU Architecture white paper"),
    "A10": GPUKind(125, 0.91, "other people's tables, not verified", power_capped=True),
    "A10G": GPUKind(70, 0.91, "other people's tables have 70 or 125, not verified"),
    "A30": GPUKind(165, 0.98, "NVIDIA A30 data sheet"),
    "A40": GPUKind(149.7, 0.92, "NVIDIA A40 data sheet"),
    "A6000": GPUKind(154.8, 0.98, "NVIDIA RTX A6000 data sheet, half of the sparse 309.7"),
    "RTX6000ADA": GPUKind(364.2, 0.98, "NVIDIA RTX 6000 Ada data sheet, half of the sparse 728.5"),
    "L4": GPUKind(121, 0.91, "NVIDIA L4 data sheet, half of the sparse 242", power_capped=True),
    "L40": GPUKind(181, 0.92, "NVIDIA L40 data sheet"),
    "L40S": GPUKind(362, 0.92, "NVIDIA L40S data sheet"),
    "A100": GPUKind(312, 0.98, "NVIDIA A100 data sheet"),
    "H100": GPUKind(989, 0.98, "NVIDIA H100 data sheet, SXM, half of the sparse 1,979"),
    "H100PCIE": GPUKind(756, 0.98, "NVIDIA H100 data sheet, PCIe, half of the sparse 1,513"),
    "H200": GPUKind(989, 0.98, "NVIDIA H200 data sheet, half of the sparse 1,979"),
    "B200": GPUKind(2250, 0.98, "NVIDIA DGX B200 data sheet, half of the sparse 4,500"),
}  # fmt: skip
UNKNOWN_KIND = GPUKind(100, 0.91, "assumed of a kind that is not listed")

UNSUPPORTED: dict[str, float] = {
    "K80": 3.7,
    "M40": 5.2,
    "M60": 5.2,
    "P100": 6.0,
    "GP100": 6.0,
    "P4": 6.1,
    "P40": 6.1,
    "V100": 7.0,
    "GV100": 7.0,
    "TITANV": 7.0,
}
"""Compute capability of kinds that have none of the image's CUDA code
(developer.nvidia.com/cuda-legacy-gpus)."""


def gpu_kind(gpu: GPU) -> GPUKind:
    """Recognise the kind of a pool's GPU by its model, however it is spelled.

    Args:
        gpu: The GPU of a pool, such as NVIDIA-A100-SXM4-80GB.

    Returns:
        The kind with the longest name that the model contains; UNKNOWN_KIND when none is.
    """
    name = kind_name(gpu.model)
    return UNKNOWN_KIND if name is None else KINDS[name]


def kind_name(model: str) -> str | None:
    """Recognise a kind by a model's name.

    Args:
        model: Name of a GPU, by its maker or a pool, such as NVIDIA-A100-SXM4-80GB.

    Returns:
        The longest name in KINDS that the model contains; None when it contains none.
    """
    return _longest(model, tuple(KINDS))


def unsupported_capability(gpu: GPU) -> float | None:
    """Recognise a GPU that the trainer's CUDA libraries do not support.

    Args:
        gpu: The GPU of a pool.

    Returns:
        Its compute capability, which is below MINIMUM_CAPABILITY; None for any other GPU.
    """
    name = _longest(gpu.model, (*KINDS, *UNSUPPORTED))
    return None if name is None else UNSUPPORTED.get(name)


def mig_slices(gpu: GPU) -> int | None:
    """Recognise a MIG slice by the pool's resource or model.

    Args:
        gpu: The GPU of a pool; its resource may be nvidia.com/mig-1g.10gb, or its model
            "A100 MIG 3g.20gb".

    Returns:
        Compute slices of the MIG_SLICES of the whole GPU; None for a whole GPU.
    """
    return _slices(gpu.resource, gpu.model)


@lru_cache(maxsize=512)  # It is asked for each option of each plan.
def _slices(resource: str, model: str) -> int | None:
    found = re.search(r"mig-(\d)g\.\d+gb", resource) or re.search(
        r"\b(\d)g\.\d+gb", model, re.IGNORECASE
    )
    return int(found[1]) if found else None


@lru_cache(maxsize=512)  # A planner asks the same of each pool for every option that it weighs.
def _longest(model: str, names: tuple[str, ...]) -> str | None:
    """The longest name that the model contains, where no further digit makes it another model."""

    def contains(name: str) -> bool:
        pattern = "[^A-Z0-9]*".join(name) + r"(?!\d)"
        return re.search(pattern, model.upper()) is not None

    found = [name for name in names if contains(name)]
    return max(found, key=len, default=None)
