"""GPUPool: GPUs of one kind that jobs may be planned on."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import Field

from dpojob_api.base import LenientModel, StrictModel
from dpojob_api.constants import API_VERSION
from dpojob_api.quantity import COUNT_PATTERN, MONEY_PATTERN
from dpojob_api.spec import validations
from dpojob_api.status_condition import Condition

from .pod_settings import LabelKey, LabelValue, PodSettings, Toleration

Count = Annotated[str, Field(max_length=20, pattern=COUNT_PATTERN)]

DEFAULT_GPU_RESOURCE = "nvidia.com/gpu"


class GPU(StrictModel):
    """The GPU of every node of the pool."""

    resource: Annotated[str, Field(min_length=1, max_length=253)] = Field(
        default=DEFAULT_GPU_RESOURCE,
        description=f"Extended resource that pods ask for. Default: {DEFAULT_GPU_RESOURCE}.",
    )
    model: Annotated[str, Field(min_length=1, max_length=63)] = Field(
        description="Kind of GPU, such as A10G; known kinds have a known speed. CPU: the resource is only "
        "counted, there is no GPU, and training runs on the processor (development clusters)."
    )
    memory_gib: float = Field(
        alias="memoryGiB", gt=0, le=10000, description="Memory of one GPU, GiB."
    )
    bf16: bool = Field(
        default=True, description="Computes in bfloat16; a T4 does not. Default: true."
    )
    per_node: int = Field(default=1, ge=1, le=64, description="GPUs of one node. Default: 1.")
    teraflops: float | None = Field(
        default=None,
        gt=0,
        le=100000,
        description="Sustained 16-bit matrix rate of one GPU in training, TFLOP/s. Default: by model.",
    )


def cel_count(field: str) -> str:
    """Write a CEL expression for the number that a count such as "1.5B" stands for.

    Args:
        field: Name of the field of `self` that holds the count.

    Returns:
        A CEL expression of type double.
    """
    text = f"self.{field}"
    digits = f"double({text}.replace('K', '').replace('M', '').replace('B', '').replace('T', ''))"
    return (
        f"{digits} * ({text}.endsWith('T') ? 1e12 : {text}.endsWith('B') ? 1e9 : "
        f"{text}.endsWith('M') ? 1e6 : {text}.endsWith('K') ? 1e3 : 1.0)"
    )


class ModelSize(
    StrictModel,
    json_schema_extra=validations(
        {
            "rule": f"!has(self.max) || {cel_count('min')} < {cel_count('max')}",
            "message": "modelSize.min must be smaller than modelSize.max: min is inclusive, max exclusive",
        }
    ),
):
    """The sizes a pool is the first choice for."""

    min: Count = Field(default="0", description="Smallest, inclusive, such as 3B. Default: 0.")
    max: Count | None = Field(
        default=None, description="Largest, exclusive, such as 7B. Default: no limit."
    )


class LabelSelector(StrictModel):
    """Chooses namespaces by their labels."""

    match_labels: dict[LabelKey, LabelValue] = Field(
        default_factory=dict, description="Labels a namespace must all have."
    )


GPU_OF_THE_PLAN_RULE = {
    "rule": "!has(self.pod) || !has(self.pod.resources) || "
    "((!has(self.pod.resources.requests) || !(self.gpu.resource in self.pod.resources.requests)) && "
    "(!has(self.pod.resources.limits) || !(self.gpu.resource in self.pod.resources.limits)))",
    "message": "pod.resources may not name gpu.resource: the plan decides how many GPUs a pod has",
}


class GPUPoolSpec(StrictModel, json_schema_extra=validations(GPU_OF_THE_PLAN_RULE)):
    """What the GPUs are, what they cost, and whom they are for."""

    gpu: GPU = Field(description="The GPU of every node of the pool.")
    model_size: ModelSize | None = Field(
        default=None,
        description="Sizes this pool is the first choice for. Absent: only by name, or as a larger pool.",
    )
    by_name_only: bool = Field(
        default=False, description="Taken only when hardware.pool names it. Default: false."
    )
    method: Literal["auto", "full", "lora", "qlora"] = Field(
        default="auto",
        description="auto: any; lora: adapters only (LoRA, then QLoRA). Default: auto.",
    )
    hourly_price: Annotated[str, Field(max_length=32, pattern=MONEY_PATTERN)] = Field(
        default="0", description="Price of one GPU for one hour, in the installation's currency."
    )
    node_selector: dict[LabelKey, LabelValue] = Field(
        default_factory=dict, description="Labels of the pool's nodes."
    )
    tolerations: Annotated[list[Toleration], Field(max_length=32)] = Field(
        default_factory=list, description="Taints of the pool's nodes that training pods tolerate."
    )
    namespace_selector: LabelSelector | None = Field(
        default=None, description="Namespaces whose jobs may use the pool. Default: all."
    )
    pod: PodSettings | None = Field(
        default=None,
        description="What the platform decides about the pool's training pods. Default: nothing.",
    )

    @property
    def price(self) -> Decimal:
        """The price of one GPU for one hour."""
        return Decimal(self.hourly_price)


class GPUPoolStatus(LenientModel):
    """Kept from Nodes and Pods."""

    nodes: int = Field(default=0, description="Nodes that match the selector.")
    gpus: int = Field(default=0, description="GPUs those nodes offer.")
    free: int = Field(default=0, description="GPUs no pod has asked for.")
    node_memory_gib: float | None = Field(
        default=None,
        alias="nodeMemoryGiB",
        description="Least memory of a GPU that the nodes report by label, GiB. Absent: no node has such a label.",
    )
    observed_generation: int | None = Field(
        default=None,
        description="Generation of the spec that this status is about. Default: -1, until the operator has "
        "seen the object.",
    )
    conditions: list[Condition] = Field(default_factory=list)


class GPUPool(LenientModel):
    """A pool as the API server holds it."""

    api_version: str = API_VERSION
    kind: str = "GPUPool"
    metadata: dict[str, Any] = Field(default_factory=dict)
    spec: GPUPoolSpec
    status: GPUPoolStatus | None = None

    @property
    def name(self) -> str:
        """metadata.name."""
        return str(self.metadata.get("name", ""))
