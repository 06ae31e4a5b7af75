"""What may be tried on a pool: the strategies, and for each the batches that divide the global batch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from dpojob_api.pool import GPU
from dpojob_api.report import ModelFacts
from dpojob_api.spec import DPOJobSpec

from .estimates import (
    DeviceSettings,
    Strategy,
    TrainingOption,
    gpus_per_job,
    is_cpu_only,
    mig_slices,
)

EIGHT_BIT_ADAMW = ("adamw_8bit", "adamw_bnb_8bit", "paged_adamw_8bit")
"""Values of TRL's `optim` that are AdamW of bitsandbytes with 8-bit moments."""
STRATEGIES = (
    Strategy("full"),
    Strategy("full", precompute=True),
    Strategy("full", optimizer="adamw_8bit"),
    Strategy("full", precompute=True, optimizer="adamw_8bit"),
    Strategy("lora"),
    Strategy("lora", precompute=True),
    Strategy("qlora"),
    Strategy("qlora", precompute=True),
)
"""In the order of trying: from the closest to full fine-tuning to the least memory."""


def syncs_reference_model(spec: DPOJobSpec) -> bool:
    """Tell whether the reference model is to follow the trained model (TRL's sync_ref_model).

    Args:
        spec: The job's spec.

    Returns:
        Whether `training.arguments` sets `sync_ref_model` to true.
    """
    return spec.training.arguments.get("sync_ref_model") is True


def requested_8bit_optimizer(spec: DPOJobSpec) -> str | None:
    """Tell which 8-bit AdamW of bitsandbytes the job asks for.

    Args:
        spec: The job's spec.

    Returns:
        `optim` of `training.arguments` where it is one of EIGHT_BIT_ADAMW; None otherwise.
    """
    optim = spec.training.arguments.get("optim")
    return optim if optim in EIGHT_BIT_ADAMW else None


def allowed_strategies(
    spec: DPOJobSpec, facts: ModelFacts, pool_method: str, gpu: GPU
) -> list[Strategy]:
    """List the strategies that the job, the model and the pool allow.

    Args:
        spec: The job's spec.
        facts: The model: whether it is an adapter or stored quantised.
        pool_method: The pool's `method`: "auto", "full", "lora" (adapters only) or "qlora".
        gpu: The pool's GPU: whether bitsandbytes has its optimizer for it.

    Returns:
        Strategies in the order of STRATEGIES.
    """
    allowed = _with_allowed_optimizer(spec, gpu)
    if spec.training.method != "auto":
        allowed = [strategy for strategy in allowed if strategy.method == spec.training.method]
    elif facts.adapter and not syncs_reference_model(spec):
        allowed = [strategy for strategy in allowed if strategy.method != "full"]
    if facts.quantization is not None:
        allowed = [strategy for strategy in allowed if strategy.method == "qlora"]
    if syncs_reference_model(spec):
        # TRL needs a separate reference model for it, one that is not precomputed.
        allowed = [each for each in allowed if each.method == "full" and not each.precompute]
    if pool_method == "lora":
        return [strategy for strategy in allowed if strategy.method != "full"]
    if pool_method in ("full", "qlora"):
        return [strategy for strategy in allowed if strategy.method == pool_method]
    return allowed


def _with_allowed_optimizer(spec: DPOJobSpec, gpu: GPU) -> list[Strategy]:
    """The strategies with the optimizer that the job asks for, else with any that the GPU can run."""
    if requested_8bit_optimizer(spec) is not None:
        # bitsandbytes has kernels of its optimizers for GPUs only.
        adapters = [
            replace(each, optimizer="adamw_8bit") for each in STRATEGIES if each.method != "full"
        ]
        full = [each for each in STRATEGIES if each.method == "full" and each.eight_bit]
        return [] if is_cpu_only(gpu) else full + adapters
    # In fp16 the loss scaler skips steps; 8-bit moments were not tried with that.
    offered = gpu.bf16 and not is_cpu_only(gpu) and "optim" not in spec.training.arguments
    return [each for each in STRATEGIES if offered or not each.eight_bit]


def device_batch_sizes(global_batch: int, gpus: int) -> list[int]:
    """List the batch sizes per device that keep the global batch exact.

    Args:
        global_batch: Preference pairs per optimizer step, over all GPUs.
        gpus: Number of GPUs; divides `global_batch`.

    Returns:
        Pairs per device, largest first: each about half of the one before, all divisors of the
        device's share of the global batch.
    """
    share, sizes = global_batch // gpus, []
    size = share
    while size >= 1:
        # Where a half does not divide the share, the next divisor below it is taken.
        while share % size:
            size -= 1
        sizes.append(size)
        size //= 2
    return sizes


def training_options(
    spec: DPOJobSpec,
    facts: ModelFacts,
    strategy: Strategy,
    gpus: int,
    *,
    shared_prefixes: bool = False,
) -> Iterator[TrainingOption]:
    """Enumerate the options to train with one strategy, data parallel before sharding.

    Args:
        spec: The job's spec.
        facts: The model: an adapter that is trained further keeps its rank.
        strategy: The method, with or without a precomputed reference.
        gpus: Number of GPUs; divides `training.batchSize`.
        shared_prefixes: Whether prefixes are shared.

    Yields:
        One option for each batch size per device, with and without gradient checkpointing.
    """
    base = DeviceSettings(
        method=strategy.method,
        pairs=1,
        length=spec.training.max_length,
        precompute=strategy.precompute,
        optimizer=strategy.optimizer,
        rank=facts.adapter_rank or spec.training.lora.r if facts.adapter else spec.training.lora.r,
        reference_adapter=facts.adapter,
        shared_prefixes=shared_prefixes,
    )
    for sharded in (False, True) if gpus > 1 else (False,):
        if sharded and strategy.method == "qlora":
            # Sharding 4-bit weights needs storage types that TRL's loading does not set.
            continue
        if sharded and strategy.eight_bit:
            # bitsandbytes 0.50 has no kernels for the distributed tensors of FSDP2.
            continue
        if sharded and strategy.saves_only_time:
            # TRL 1.16 shards a separate reference model before training, but an adapter's base, which
            # is its reference, only during training.
            continue
        for pairs in device_batch_sizes(spec.training.batch_size, gpus):
            accumulation = spec.training.batch_size // (pairs * gpus)
            for checkpointing in (False, True):
                settings = replace(
                    base,
                    pairs=pairs,
                    checkpointing=checkpointing,
                    accumulated=accumulation > 1,
                    replicas=1 if sharded else gpus,
                    shards=gpus if sharded else 1,
                )
                yield TrainingOption(strategy, settings, accumulation, gpus)


def gpu_counts(spec: DPOJobSpec, gpu: GPU) -> list[int]:
    """List how many GPUs may be taken from a pool.

    Args:
        spec: The job's spec: nodes, GPUs and global batch.
        gpu: The GPU of the pool.

    Returns:
        Numbers of GPUs over all nodes, fewest first; each divides the global batch. Empty when none
        is possible.
    """
    if mig_slices(gpu) is not None and spec.hardware.nodes > 1:
        # Between MIG slices CUDA has no peer access, no IPC and no NVLink (docs.rapids.ai, deployment guide,
        # "Multi-Instance GPU"), and the trainer was never tried over several.
        return []
    nodes, batch = spec.hardware.nodes, spec.training.batch_size
    counts = [nodes * each for each in range(1, gpus_per_job(gpu) + 1)]
    if spec.hardware.gpus is not None:
        counts = [count for count in counts if count == spec.hardware.gpus]
    return [count for count in counts if batch % count == 0]
