"""The plan: where and how to train, what it needs, and why."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

from pydantic import Field, field_serializer

from .base import LenientModel
from .quantity import money

Method = Literal["full", "lora", "qlora"]
Precision = Literal["bf16", "fp16", "fp32"]
PoolVerdict = Literal[
    "chosen", "fits", "tooSmall", "noRoom", "notAllowed", "notNamed", "overBudget", "invalid"
]
"""What planning decided about a pool."""


class MemoryNeed(LenientModel):
    """GiB per GPU."""

    needed: float = Field(description="Predicted peak per GPU, GiB.")
    available: float = Field(description="What a GPU of the pool offers to training, GiB.")
    margin: float = Field(
        default=0.0,
        description="Part of `available` that the plan leaves free for what the prediction misses, GiB. "
        "Default: 0.",
    )
    parts: dict[str, float] = Field(
        default_factory=dict, description="The prediction by part: weights, optimizer, logits, ..."
    )


class Estimate(LenientModel):
    """Before training: predicted. During it: from the measured step rate."""

    hours: float = Field(description="Wall-clock hours of training.")
    cost: Decimal = Field(description="hours x GPUs x hourlyPrice, in the installation's currency.")
    steps: int = Field(default=0, description="Optimizer steps.")

    @field_serializer("cost")
    def _cents(self, cost: Decimal) -> str:
        return money(cost)


class PoolCandidate(LenientModel):
    """One pool that was looked at, and why it was or was not taken."""

    pool: str
    verdict: PoolVerdict
    reason: str
    method: Method | None = None
    gpus: int = 1
    per_device_batch_size: int | None = None
    needed: float | None = Field(default=None, description="GiB per GPU.")
    available: float | None = Field(default=None, description="GiB per GPU.")
    hours: float | None = None
    cost: Decimal | None = None

    @field_serializer("cost")
    def _cents(self, cost: Decimal | None) -> str | None:
        return None if cost is None else money(cost)


class Plan(LenientModel):
    """What the training Job is made from and the trainer obeys."""

    pool: str
    gpu_model: str | None = Field(
        default=None,
        description="gpu.model of the pool when the plan was made. CPU: training runs on the processor. "
        "Any other: training ends with GPUNotUsable where it finds no GPU. Absent: not checked.",
    )
    gpus: int = Field(default=1, description="Over all nodes.")
    nodes: int = 1
    sharded: bool = Field(
        default=False,
        description="Weights, gradients and optimizer are divided over the GPUs (FSDP); otherwise each "
        "GPU holds the whole model.",
    )
    method: Method
    precision: Precision
    per_device_batch_size: int
    gradient_accumulation: int = Field(
        description="perDeviceBatchSize x gradientAccumulation x gpus is exactly training.batchSize."
    )
    precompute_reference: bool = False
    gradient_checkpointing: bool = True
    max_length: int = Field(default=1024, description="Tokens.")
    memory_gib: MemoryNeed = Field(alias="memoryGiB")
    estimate: Estimate
    hourly_price: Decimal = Field(default=Decimal(0), description="Per GPU.")
    output_gib: int = Field(
        default=1,
        alias="outputGiB",
        description="Size of an output claim: model, optimizer and checkpoints.",
    )
    queued: bool = Field(
        default=False, description="The pool has no room now; the job waits for it."
    )
    reasons: list[str] = Field(
        default_factory=list, description="Sentences, in the order of deciding."
    )
    considered: list[PoolCandidate] = Field(default_factory=list)


class Refusal(LenientModel):
    """Nothing fits: what was wanted and what each pool lacked."""

    reason: str = Field(description="The condition reason, such as NothingFits.")
    error: str = Field(description="What is missing, in figures, and the way out.")
    considered: list[PoolCandidate] = Field(default_factory=list)
