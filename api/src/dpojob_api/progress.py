"""Progress while training runs, and the termination message when it ends."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from .base import Count, Figure, LenientModel, Magnitude, Rate, unknown_as
from .evaluation import Evaluation, JudgeUsage

Stage = Literal[
    "Starting", "LoadingModel", "PreparingData", "PrecomputingReference", "Training", "Evaluating",
    "Saving", "Uploading", "Done",
]  # fmt: skip

PROGRESS_FIELDS = {
    "loss": "loss",
    "eval_loss": "eval_loss",
    "rewards/margins": "margin",
    "eval_rewards/margins": "eval_margin",
    "rewards/accuracies": "accuracy",
    "eval_rewards/accuracies": "eval_accuracy",
    "logps/chosen": "chosen_logps",
    "logps/rejected": "rejected_logps",
    "grad_norm": "grad_norm",
    "learning_rate": "learning_rate",
}
"""TRL's metric names to fields of Progress, and of the points of a curve."""


class Health(LenientModel):
    """The guards' verdict on the curves so far."""

    healthy: bool = True
    reason: str = "Healthy"
    message: str = ""


class Sample(LenientModel):
    """One prompt and the model's answers."""

    prompt: str
    before: str | None = None
    after: str | None = None


class Progress(LenientModel):
    """What `GET /progress` serves. Figures are the newest logged ones."""

    stage: Annotated[Stage, unknown_as("Starting")] = "Starting"
    step: Count = Field(default=0, description="Optimizer steps done.")
    max_steps: Count = 0
    epoch: Magnitude = 0.0
    loss: Figure = None
    eval_loss: Figure = None
    margin: Figure = Field(
        default=None, description="Mean reward of chosen minus rejected, training."
    )
    eval_margin: Figure = None
    accuracy: Figure = Field(default=None, description="Share of training pairs with margin > 0.")
    eval_accuracy: Figure = None
    chosen_logps: Figure = None
    rejected_logps: Figure = None
    grad_norm: Figure = None
    learning_rate: Figure = None
    steps_per_second: Rate = None
    tokens: Count | None = None
    eta_seconds: Count | None = None
    peak_memory_gib: Rate = Field(
        default=None,
        alias="peakMemoryGiB",
        description="Largest memory that tensors took so far on the first process's GPU, GiB. Absent "
        "without a GPU.",
    )
    peak_reserved_gib: Rate = Field(
        default=None,
        alias="peakReservedGiB",
        description="Largest memory that torch held for tensors so far, with what lies unused between "
        "them, GiB. Absent without a GPU.",
    )
    peak_used_gib: Rate = Field(
        default=None,
        alias="peakUsedGiB",
        description="Largest memory of the GPU in use so far, as the driver reports it when metrics are "
        "logged: torch's, CUDA's context and libraries, and other processes, GiB. Absent without a GPU.",
    )
    checkpoint_step: Count | None = Field(
        default=None, description="Step of the newest complete checkpoint."
    )
    checkpoint_seconds: Rate = Field(
        default=None,
        description="Longest time that writing a checkpoint has taken, seconds. Absent before the first. "
        "The pod of a later attempt has at least this time to stop, beside a step.",
    )
    resumed_from: Count | None = Field(default=None, description="Step this attempt resumed from.")
    notice: str | None = Field(
        default=None,
        description="What the trainer changed about the plan, such as a smaller batch per GPU after an "
        "out-of-memory. Absent where it follows the plan.",
    )
    health: Health = Field(default_factory=Health)
    started_at: datetime | None = None
    updated_at: datetime | None = None

    @property
    def percent(self) -> int:
        """Whole percent of the optimizer steps; 100 only when all are done."""
        return 0 if self.max_steps <= 0 else min(100, self.step * 100 // self.max_steps)


class Artifacts(LenientModel):
    """Where the results lie."""

    claim_name: str | None = None
    path: str | None = Field(default=None, description="Directory on the claim.")
    report: str | None = Field(default=None, description="Path of report.html on the claim.")
    push: str | None = Field(default=None, description="Repository and commit on the hub.")
    s3: str | None = Field(default=None, description="s3:// address of the model.")
    kind: Annotated[Literal["model", "adapter"] | None, unknown_as(None)] = None
    max_length: Count | None = Field(
        default=None, description="Longest sequence trained on, tokens."
    )
    model_hash: str | None = Field(default=None, description="sha256 over the weight files.")


class Outcome(LenientModel):
    """The training container's termination message."""

    outcome: Literal["Succeeded", "Failed", "Interrupted"]
    reason: str = Field(description="A condition reason, such as Completed or OutOfMemory.")
    message: str = ""
    progress: Progress = Field(default_factory=Progress)
    artifacts: Artifacts | None = None
    samples: list[Sample] = Field(default_factory=list)
    evaluation: Evaluation | None = None
    judge_usage: JudgeUsage | None = Field(
        default=None,
        description="What a judge behind an API was asked by an evaluation that is not over.",
    )
