"""How fast a pool's GPU trains, how long a pass takes on it, in which precision, and how much memory it has."""

from __future__ import annotations

from dpojob_api.plan import Method, Precision
from dpojob_api.pool import GPU
from dpojob_api.shared_training_constants import CPU_BF16_MIN_PARAMETERS, CPU_MODEL

from .calibration import CONSTANTS, RATES, Rate
from .gpu_kinds import MIG_MEMORY_SHARE, MIG_SLICES, gpu_kind, kind_name, mig_slices
from .model_shape import ModelShape

TRAINING_SHARE = 0.5
"""Share of the rate of large matrix products that a training step reaches. With MATMUL_SHARE it makes 35%
of the peak, the least that llm-foundry publishes for one node of H100 with models of 0.8B to 7B and rows of
up to 4,096 tokens, of 35 to 46% (github.com/mosaicml/llm-foundry, scripts/train/benchmarking). An
assumption for this trainer; a measured rate in calibration.json, or `gpu.teraflops` on the GPUPool,
replaces it."""
SECONDS_PER_LAYER_PASS = CONSTANTS["SECONDS_PER_LAYER_PASS"].value
"""Launching the kernels of one layer, once."""
HALF_RATE_TOKENS = CONSTANTS["HALF_RATE_TOKENS"].value
"""Tokens of a forward that reaches half of a GPU's sustained rate."""
READ_TOKENS = 128
"""The same of generation, which reads all weights for each token: the dense peak over the memory's bandwidth,
times the share of that peak which training reaches. An assumption for all kinds of GPU; no card has confirmed
it."""
QLORA_SLOWDOWN = CONSTANTS["QLORA_SLOWDOWN"].value
"""Factor on the time of every pass, for unpacking 4-bit weights."""


def is_cpu_only(gpu: GPU) -> bool:
    """Tell whether a pool's GPU stands for a machine that trains without one.

    Args:
        gpu: The GPU of a pool.

    Returns:
        Whether its model is "CPU".
    """
    return gpu.model == CPU_MODEL


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
        16-bit matrix FLOP/s: `gpu.teraflops` where it is set, else the measured rate of that kind, else
        TRAINING_SHARE of what large matrix products sustain on it; of a MIG slice, its share of the SMs.
    """
    if gpu.teraflops is not None:
        return gpu.teraflops * 1e12
    rate = measured_rate(gpu)
    if rate is None:
        teraflops = TRAINING_SHARE * gpu_kind(gpu).matmul_teraflops
    else:
        teraflops = rate.training_teraflops
    return teraflops * 1e12 * (mig_slices(gpu) or MIG_SLICES) / MIG_SLICES


def measured_rate(gpu: GPU) -> Rate | None:
    """Look up the rates that bench/gpu measured on the kind of a pool's GPU.

    Args:
        gpu: The GPU of the pool.

    Returns:
        The rates of the whole GPU, also for a MIG slice; None where no card of the kind was measured.
    """
    name = kind_name(gpu.model)
    return None if name is None else RATES.get(name)


def usable_gib(gpu: GPU) -> float:
    """Compute the memory of one GPU that CUDA offers: error correction and the driver use the rest.

    An A10G of 24 GiB offers about 22, a T4 of 16 GiB about 14.6, an A100 of 40 GiB about 39.4.

    Args:
        gpu: The GPU of the pool.

    Returns:
        Usable memory, GiB.
    """
    share = gpu_kind(gpu).memory_share
    return gpu.memory_gib * (share if mig_slices(gpu) is None else min(share, MIG_MEMORY_SHARE))


def gpus_per_job(gpu: GPU) -> int:
    """Tell how many GPUs of a node one job can use.

    Args:
        gpu: The GPU of the pool.

    Returns:
        `gpu.perNode`; 1 for MIG slices, of which CUDA shows a process only one (NVIDIA MIG User Guide,
        "CUDA Device Enumeration").
    """
    return gpu.per_node if mig_slices(gpu) is None else 1


def token_seconds(
    shape: ModelShape, method: Method, answers: float, length: float, flops: float
) -> float:
    """Predict the time of generating one token of each answer of a batch.

    Args:
        shape: The model.
        method: The method; with 4-bit weights every pass takes longer.
        answers: Answers in the batch.
        length: Tokens of a prompt with its answer so far.
        flops: The rate that the GPU sustains with many tokens, FLOP/s.

    Returns:
        Seconds; of a small batch, most of it is for reading the weights.
    """
    return pass_seconds(shape, method, answers, length, flops, half_rate_tokens=READ_TOKENS)


def pass_seconds(
    shape: ModelShape,
    method: Method,
    tokens: float,
    length: float,
    flops: float,
    half_rate_tokens: float = HALF_RATE_TOKENS,
) -> float:
    """Predict the time of one forward over one micro-batch on one GPU.

    Args:
        shape: The model.
        method: The method; with 4-bit weights every pass takes longer.
        tokens: Tokens of the micro-batch.
        length: Tokens of each of its rows.
        flops: The rate that the GPU sustains with many tokens, FLOP/s.
        half_rate_tokens: Tokens of a pass that reaches half of that rate.

    Returns:
        Seconds; the rate saturates with the tokens of a pass.
    """
    slowdown = QLORA_SLOWDOWN if method == "qlora" else 1.0
    compute = (tokens + half_rate_tokens) * token_flops(shape, length) / flops
    return slowdown * (compute + shape.layers * SECONDS_PER_LAYER_PASS)


def token_flops(shape: ModelShape, length: float) -> float:
    """Count the operations of one token's forward.

    Args:
        shape: The model.
        length: Tokens of its row.

    Returns:
        FLOPs: two per active parameter, and attention over half the row.
    """
    return 2.0 * shape.active + 2.0 * shape.layers * shape.queries * length
