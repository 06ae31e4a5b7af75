"""What may be tried on a pool: the rungs of the ladder, and on each the batches that divide the work."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

from dpojob_api.plan import Method
from dpojob_api.report import ModelFacts
from dpojob_api.spec import DPOJobSpec

from .estimates.memory import Setting

Parallelism = Literal["ddp", "fsdp"]


@dataclass(frozen=True)
class Rung:
    """One step of the ladder."""

    method: Method
    precompute: bool = False

    @property
    def for_time_alone(self) -> bool:
        """Whether it needs as much memory as the rung before it: an adapter has no reference copy."""
        return self.precompute and self.method != "full"

    def __str__(self) -> str:
        names = {"full": "full fine-tuning", "lora": "LoRA", "qlora": "QLoRA"}
        return names[self.method] + (" with precomputed reference" if self.precompute else "")


LADDER = (
    Rung("full"),
    Rung("full", precompute=True),
    Rung("lora"),
    Rung("lora", precompute=True),
    Rung("qlora"),
    Rung("qlora", precompute=True),
)
"""From the most faithful to the most frugal."""


@dataclass(frozen=True)
class Option:
    """One way to train on a number of GPUs of a pool; the global batch is exact."""

    rung: Rung
    setting: Setting
    accumulation: int
    gpus: int


def synchronises(spec: DPOJobSpec) -> bool:
    """Whether the reference is to follow the model in training."""
    return spec.training.arguments.get("sync_ref_model") is True


def rungs(spec: DPOJobSpec, facts: ModelFacts, pool_method: str) -> list[Rung]:
    """The rungs that the job, the model's own form and the pool leave open, in the ladder's order."""
    allowed = list(LADDER)
    if spec.training.method != "auto":
        allowed = [rung for rung in allowed if rung.method == spec.training.method]
    elif facts.adapter and not synchronises(spec):
        allowed = [rung for rung in allowed if rung.method != "full"]
    if facts.quantization is not None:
        allowed = [rung for rung in allowed if rung.method == "qlora"]
    if synchronises(spec):
        # TRL: it takes a reference model of its own, and one that is not computed beforehand.
        allowed = [rung for rung in allowed if rung == Rung("full")]
    if spec.training.epochs <= 1:
        # Every pair passes the reference once either way.
        allowed = [rung for rung in allowed if not rung.for_time_alone]
    if pool_method == "lora":
        return [rung for rung in allowed if rung.method != "full"]
    if pool_method in ("full", "qlora"):
        return [rung for rung in allowed if rung.method == pool_method]
    return allowed


def batches(global_batch: int, gpus: int) -> list[int]:
    """Pairs per device, largest first: every halving that keeps the global batch exact."""
    share, sizes = global_batch // gpus, []
    size = share
    while size >= 1:
        # A halving that does not divide the share goes on to the next divisor below it.
        while share % size:
            size -= 1
        sizes.append(size)
        size //= 2
    return sizes


def options(spec: DPOJobSpec, facts: ModelFacts, rung: Rung, gpus: int) -> Iterator[Option]:
    """Every way to train on this rung, the plainest first: data parallel before sharding."""
    base = Setting(
        method=rung.method,
        pairs=1,
        length=spec.training.max_length,
        precompute=rung.precompute,
        rank=facts.adapter_rank or spec.training.lora.r if facts.adapter else spec.training.lora.r,
        reference_adapter=facts.adapter,
    )
    for sharded in (False, True) if gpus > 1 else (False,):
        if sharded and rung.method == "qlora":
            # Sharding 4-bit weights needs storage types that TRL's loading does not set.
            continue
        if sharded and rung.for_time_alone:
            # TRL 1.16 shards a reference model ahead of training, and an adapter's base only in it.
            continue
        for pairs in batches(spec.training.batch_size, gpus):
            accumulation = spec.training.batch_size // (pairs * gpus)
            for checkpointing in (False, True):
                setting = replace(
                    base,
                    pairs=pairs,
                    checkpointing=checkpointing,
                    accumulated=accumulation > 1,
                    replicas=1 if sharded else gpus,
                    shards=gpus if sharded else 1,
                )
                yield Option(rung, setting, accumulation, gpus)


def gpu_counts(spec: DPOJobSpec, per_node: int) -> list[int]:
    """How many GPUs may be taken from a pool, fewest first; each divides the global batch."""
    nodes, batch = spec.hardware.nodes, spec.training.batch_size
    counts = [nodes * each for each in range(1, per_node + 1)]
    if spec.hardware.gpus is not None:
        counts = [count for count in counts if count == spec.hardware.gpus]
    return [count for count in counts if batch % count == 0]
