"""What the platform decides about the training pods of a GPUPool."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from dpojob_api.base import StrictModel
from dpojob_api.spec import validations
from dpojob_api.spec.fields import Name

from .pod_volumes import (
    MAX_VOLUMES,
    MOUNTED_VOLUMES_RULE,
    UNIQUE_VOLUMES_RULE,
    PodVolume,
    PodVolumeMount,
)

LabelKey = Annotated[str, Field(max_length=316)]
"""A label's or annotation's name: a DNS prefix of at most 253 characters, a slash, at most 63 characters."""
LabelValue = Annotated[str, Field(max_length=63)]
AnnotationValue = Annotated[str, Field(max_length=4096)]


class Toleration(StrictModel):
    """As core/v1 Toleration."""

    key: str | None = Field(default=None, max_length=316, description="Taint key.")
    operator: Literal["Exists", "Equal"] | None = Field(
        default=None, description="Exists or Equal."
    )
    value: str | None = Field(default=None, max_length=63, description="Taint value, for Equal.")
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None = Field(
        default=None, description="Taint effect; absent: all."
    )
    toleration_seconds: int | None = Field(default=None, description="Seconds, for NoExecute.")


ResourceQuantity = Annotated[
    str, Field(max_length=20, pattern=r"^[0-9]+([.][0-9]+)?(m|k|M|G|T|P|Ki|Mi|Gi|Ti|Pi)?$")
]
Quantities = Annotated[
    dict[Annotated[str, Field(max_length=316)], ResourceQuantity], Field(max_length=16)
]
"""Quantities by the name of a resource, such as cpu or rdma/hca."""
EXTENDED_RESOURCES_RULE = {
    "rule": "!has(self.requests) || self.requests.all(name, !name.contains('/') || (has(self.limits) && "
    "name in self.limits && self.limits[name] == self.requests[name]))",
    "message": "an extended resource (with '/' in its name) is requested by its limit: write it in limits, "
    "and leave it out of requests or write the same quantity",
}


REQUESTS_WITHIN_LIMITS_RULE = {
    "rule": "!has(self.requests) || !has(self.limits) || self.requests.all(name, !(name in self.limits) || "
    "quantity(self.requests[name]).compareTo(quantity(self.limits[name])) <= 0)",
    "message": "a resource's request must not be above its limit",
}


class PodResources(
    StrictModel,
    json_schema_extra=validations(EXTENDED_RESOURCES_RULE, REQUESTS_WITHIN_LIMITS_RULE),
):
    """As core/v1 ResourceRequirements, of the training container."""

    requests: Quantities = Field(
        default_factory=dict,
        description="Requests by resource, at most 16. Default: as limits.",
    )
    limits: Quantities = Field(
        default_factory=dict,
        description="Limits by resource, at most 16; none below the request. Default: none.",
    )


class PodSettings(
    StrictModel, json_schema_extra=validations(UNIQUE_VOLUMES_RULE, MOUNTED_VOLUMES_RULE)
):
    """What the platform decides about the training pods of a pool. Inspection pods are not affected."""

    runtime_class_name: Name | None = Field(
        default=None,
        description="RuntimeClass of the pods, such as nvidia. Default: the cluster's default runtime.",
    )
    priority_class_name: Name | None = Field(
        default=None, description="PriorityClass of the pods. Default: the cluster's default."
    )
    service_account_name: Name | None = Field(
        default=None,
        description="ServiceAccount of the pods, in each job's namespace. Its token is not mounted. "
        "Default: default.",
    )
    scheduler_name: Name | None = Field(
        default=None, description="Scheduler of the pods. Default: default-scheduler."
    )
    labels: Annotated[dict[LabelKey, LabelValue], Field(max_length=32)] = Field(
        default_factory=dict,
        description="Further labels of the pods. Those under dpojob.dev/ and app.kubernetes.io/managed-by "
        "keep the operator's values. Default: none.",
    )
    annotations: Annotated[dict[LabelKey, AnnotationValue], Field(max_length=32)] = Field(
        default_factory=dict, description="Annotations of the pods. Default: none."
    )
    tolerations: Annotated[list[Toleration], Field(max_length=32)] = Field(
        default_factory=list,
        description="Tolerations of the pods beside the pool's own. Default: none.",
    )
    resources: PodResources | None = Field(
        default=None,
        description="Requests and limits of each pod beside its GPUs, such as cpu, memory, ephemeral-storage or "
        "rdma/hca. A resource that is named here has no value of the installation's train.resources; memory and "
        "ephemeral-storage are raised to what the plan needs. Default: the installation's.",
    )
    volumes: Annotated[list[PodVolume], Field(max_length=MAX_VOLUMES)] = Field(
        default_factory=list,
        description="Further volumes of the pods, at most 8. Names in them are of each job's namespace. "
        "Default: none.",
    )
    volume_mounts: Annotated[list[PodVolumeMount], Field(max_length=MAX_VOLUMES)] = Field(
        default_factory=list,
        description="Where the training container has them, at most 8. Default: nowhere.",
    )
