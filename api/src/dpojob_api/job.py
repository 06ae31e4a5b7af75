"""DPOJob as the API server holds it: metadata, spec and status."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any

from pydantic import Field, field_serializer

from .base import Count, LenientModel, Magnitude, unknown_as
from .constants import API_VERSION, Phase
from .evaluation import Evaluation
from .plan import Plan
from .progress import Artifacts, Progress, Sample
from .quantity import money
from .report import Lengths, Mapping, ModelFacts, Problem, Quality, Suspects
from .spec import DPOJobSpec
from .status_condition import Condition


class DatasetStatus(LenientModel):
    """The inspection report's summary."""

    valid: bool
    format: str | None = None
    rows: Count = 0
    valid_rows: Count = 0
    dropped_rows: Count = 0
    dropped: dict[str, Count] = Field(default_factory=dict)
    train_rows: Count = 0
    eval_rows: Count = 0
    eval_dropped: dict[str, Count] = Field(default_factory=dict)
    eval_cut: Magnitude = 0.0
    columns: list[str] = Field(default_factory=list)
    mapping: Mapping = Field(default_factory=Mapping)
    implicit_prompt: bool = False
    preset: str | None = None
    problems: list[Problem] = Field(default_factory=list)
    suspects: list[Suspects] = Field(
        default_factory=list,
        description="Rows that are valid and may be wrong, of comparedRows; without messages and row "
        "numbers where the report is long.",
    )
    compared_rows: Count = Field(default=0, description="Rows compared for suspects.")
    suggestion: dict[str, Any] | None = None
    lengths: Lengths | None = None
    quality: Quality | None = None
    source: str | None = None
    revision: str | None = None
    content_hash: str | None = None
    eval_content_hash: str | None = None
    reward_model_bytes: Count = Field(
        default=0,
        description="Size of the weight files of evaluation.judge.rewardModel, bytes. Default: 0, not known.",
    )
    page: str | None = Field(
        default=None,
        description="Path of inspection.html, the report with rows, on the claim of output.volume.",
    )


class ChildJob(LenientModel):
    """A Job this DPOJob made; written before it is created, its UID after."""

    name: str
    uid: str | None = Field(default=None, description="Set once the Job was seen.")
    key: str | None = Field(
        default=None, description="Of an inspection: hash of what it looked at."
    )


class Attempt(LenientModel):
    """One training Job."""

    number: int = Field(description="From 1.")
    job: ChildJob
    pool: str | None = None
    gpus: int = 0
    hourly_price: Decimal = Field(
        default=Decimal(0), description="Per GPU, as it was when it began."
    )
    start_time: datetime | None = Field(default=None, description="When its pod first ran.")
    end_time: datetime | None = None
    outcome: str | None = Field(
        default=None,
        description="Succeeded, Failed, Suspended, Deleted, or Replanned (withdrawn while no pod of it ran).",
    )
    gpu_seconds: float = Field(default=0, description="Of pods that ran, times their GPUs.")
    pod_seconds: dict[str, float] = Field(
        default_factory=dict,
        description="The part of gpuSeconds of pods that still exist, by pod UID.",
    )
    first_step: int = 0
    last_step: int = 0


class QueueStatus(LenientModel):
    """How long the job has waited for a node of its pool."""

    pool: str | None = Field(default=None, description="The GPUPool that it waits or waited for.")
    since: datetime | None = Field(
        default=None, description="When the wait that goes on began. Absent: it does not wait now."
    )
    position: int | None = Field(
        default=None,
        description="Place among the jobs that wait for this pool, from 1, by the beginning of their waits; "
        "rounded up from 21 on. Absent: it does not wait, or a queueing system orders the jobs.",
    )
    wait_seconds: float = Field(
        default=0.0, description="Seconds of all waits that have ended. Default: 0."
    )


class Cost(LenientModel):
    """Money, as decimal strings."""

    so_far: Decimal = Field(
        default=Decimal(0), description="GPU time used, over all attempts, times price."
    )
    estimate: Decimal | None = Field(
        default=None, description="Expected total; from the measured rate while training."
    )
    currency: str = "USD"

    @field_serializer("so_far", "estimate")
    def _cents(self, amount: Decimal | None) -> str | None:
        return None if amount is None else money(amount)


class Display(LenientModel):
    """Text for kubectl's columns only; nothing decides by it."""

    model: str | None = None
    progress: str | None = None
    margin: str | None = None
    win_rate: str | None = None
    eta: str | None = None
    cost: str | None = None


class Dependency(LenientModel):
    """What `model.fromJob` resolved to."""

    kind: str
    name: str
    uid: str
    volume: dict[str, str] | None = Field(
        default=None, description="claimName and path of its output."
    )
    repo: str | None = None
    revision: str | None = None
    max_length: Count | None = None
    base_claims: list[str] = Field(
        default_factory=list,
        description="Claims besides, on which the base model of its adapter may lie.",
    )


class DPOJobStatus(LenientModel):
    """Everything the operator knows and a person may ask."""

    phase: Annotated[Phase, unknown_as("Pending")] = Field(
        default="Pending", description="A summary for people; read conditions instead."
    )
    observed_generation: int | None = Field(
        default=None,
        description="Generation of the spec that this status is about. Default: -1, until the operator has "
        "seen the object.",
    )
    conditions: list[Condition] = Field(default_factory=list)
    start_time: datetime | None = None
    completion_time: datetime | None = None
    dependency: Dependency | None = None
    inspection: ChildJob | None = None
    dataset: DatasetStatus | None = None
    model: ModelFacts | None = None
    plan: Plan | None = None
    attempts: list[Attempt] = Field(default_factory=list)
    queue: QueueStatus | None = Field(
        default=None, description="The wait for a node, from the first training Job on."
    )
    progress: Progress | None = None
    cost: Cost | None = None
    samples: list[Sample] = Field(default_factory=list)
    artifacts: Artifacts | None = None
    evaluation: Evaluation | None = Field(
        default=None, description="The tuned model beside the one that training began with."
    )
    display: Display | None = None

    def condition(self, type_: str) -> Condition | None:
        """Find a condition.

        Args:
            type_: Type of the condition, such as "Planned".

        Returns:
            The condition; None when it is not set.
        """
        return next((c for c in self.conditions if c.type == type_), None)

    def is_true(self, type_: str) -> bool:
        """Tell whether a condition is true.

        Args:
            type_: Type of the condition.

        Returns:
            Whether it is set and its status is "True".
        """
        condition = self.condition(type_)
        return condition is not None and condition.status == "True"


class DPOJob(LenientModel):
    """A DPOJob as the API server holds it."""

    api_version: str = API_VERSION
    kind: str = "DPOJob"
    metadata: dict[str, Any] = Field(default_factory=dict)
    spec: DPOJobSpec
    status: DPOJobStatus = Field(default_factory=DPOJobStatus)

    @property
    def name(self) -> str:
        """metadata.name."""
        return str(self.metadata.get("name", ""))

    @property
    def namespace(self) -> str:
        """metadata.namespace."""
        return str(self.metadata.get("namespace", "default"))

    @property
    def uid(self) -> str:
        """metadata.uid; empty before the API server made the object."""
        return str(self.metadata.get("uid", ""))

    @property
    def generation(self) -> int:
        """metadata.generation."""
        return int(self.metadata.get("generation", 0))
