"""The plan: where and how to train, what it needs, and why."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

from pydantic import Field, field_serializer

from .base import LenientModel
from .quantity import money
from .shared_training_constants import EVALUATIONS, remaining_seconds

Method = Literal["full", "lora", "qlora"]
Optimizer = Literal["adamw", "adamw_8bit"]
Precision = Literal["bf16", "fp16", "fp32"]
PoolSuitability = Literal[
    "chosen", "fits", "tooSmall", "noRoom", "notAllowed", "notNamed", "overBudget", "invalid"
]
"""Whether a pool suits the job: the values of `considered[].verdict`."""


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
    """The predicted duration and cost of a run, and what they consist of."""

    hours: float = Field(description="Wall-clock hours of training and of the evaluation after it.")
    cost: Decimal = Field(
        description="hours x GPUs x hourlyPrice, and judgeCost, in the installation's currency."
    )
    steps: int = Field(default=0, description="Optimizer steps. Default: 0, not known.")
    step_seconds: float = Field(
        default=0.0, description="Seconds of one optimizer step. Default: 0, not known."
    )
    evaluations: int = Field(
        default=EVALUATIONS,
        description="Evaluations over the run; each has a checkpoint. Default: 10.",
    )
    evaluation_seconds: float = Field(
        default=0.0, description="Seconds of one evaluation. Default: 0, not known."
    )
    checkpoints: int = Field(
        default=0, description="Checkpoints written over the run. Default: 0, not known."
    )
    checkpoint_seconds: float = Field(
        default=0.0, description="Seconds of writing one checkpoint. Default: 0, not known."
    )
    reference_seconds: float = Field(
        default=0.0,
        description="Seconds of computing the reference's log-probabilities before the first step. "
        "Default: 0, they are computed at each step.",
    )

    task_seconds: float = Field(
        default=0.0,
        description="Seconds of evaluation.tasks with both models after training, at most: their part of "
        "evaluation.maxDuration. Default: 0, there are none.",
    )
    answer_seconds: float = Field(
        default=0.0,
        description="Seconds of both models' answers to held-out prompts after training, at most. "
        "Default: 0, not known.",
    )
    judge_seconds: float = Field(
        default=0.0,
        description="Seconds of evaluation.judge after them. Default: 0, there is none or its time is not "
        "known.",
    )
    judge_cost: Decimal = Field(
        default=Decimal(0),
        description="Part of `cost`: tokens of evaluation.judge.endpoint times its prices. Default: 0.",
    )

    def after_seconds(self) -> float:
        """Add up the time of the evaluation after training.

        Returns:
            Seconds.
        """
        return self.task_seconds + self.answer_seconds + self.judge_seconds

    def seconds(self) -> float:
        """Add up the time of the run: the steps, and everything between, before and after them.

        Returns:
            Seconds, of which `hours` is the rounded number of hours.
        """
        training = remaining_seconds(
            self.steps,
            self.step_seconds,
            self.evaluations,
            self.evaluation_seconds,
            self.checkpoints,
            self.checkpoint_seconds,
        )
        return self.reference_seconds + training + self.after_seconds()

    @field_serializer("cost", "judge_cost")
    def _cents(self, cost: Decimal) -> str:
        return money(cost)


class PoolCandidate(LenientModel):
    """One pool that was looked at, and why it was or was not taken."""

    pool: str
    verdict: PoolSuitability
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


class CheckpointPlan(LenientModel):
    """How checkpoints are written."""

    size_gib: float = Field(alias="sizeGiB", description="Size of one checkpoint, GiB.")
    interval_seconds: int = Field(
        default=900,
        description="Longest time without a checkpoint, seconds. Default: 900.",
    )
    grace_period_seconds: int = Field(
        default=0,
        description="Time a pod needs to save a checkpoint and end when it is stopped, seconds. "
        "Default: 0, not known.",
    )


class Plan(LenientModel, frozen=True):
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
    optimizer: Optimizer = Field(
        default="adamw",
        description="adamw: TRL's default; adamw_8bit: AdamW of bitsandbytes with 8-bit moments. "
        "Default: adamw.",
    )
    per_device_batch_size: int
    gradient_accumulation: int = Field(
        description="perDeviceBatchSize x gradientAccumulation x gpus is exactly training.batchSize."
    )
    precompute_reference: bool = False
    prefix_sharing: bool = Field(
        default=False,
        description="What chosen and rejected begin with is computed once instead of twice. Default: false.",
    )
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
    host_memory_gib: int = Field(
        default=0,
        alias="hostMemoryGiB",
        description="Main memory that a training pod requests, GiB. Default: 0, the operator's own figure.",
    )
    scratch_gib: int = Field(
        default=0,
        alias="scratchGiB",
        description="Disk space for downloads, and without an output volume for checkpoints and the model, "
        "that a training pod requests, GiB. Default: 0, the operator's own figure.",
    )
    checkpoint: CheckpointPlan = Field(
        default_factory=lambda: CheckpointPlan(size_gib=0.0),
        description="How checkpoints are written.",
    )
    queued: bool = Field(
        default=False, description="The pool has no room now; the job waits for it."
    )
    reasons: list[str] = Field(
        default_factory=list, description="Sentences, in the order of deciding."
    )
    considered: list[PoolCandidate] = Field(default_factory=list)


class Refusal(LenientModel, frozen=True):
    """Nothing fits: what was wanted and what each pool lacked."""

    reason: str = Field(description="The condition reason, such as NothingFits.")
    error: str = Field(description="What is missing, in figures, and what to change.")
    considered: list[PoolCandidate] = Field(default_factory=list)
