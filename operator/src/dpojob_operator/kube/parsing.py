"""Parses DPOJobs, GPUPools and CostQuotas; one that cannot be parsed must not stop the work on others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from dpojob_api.job import DPOJob
from dpojob_api.pool import GPUPool

Model = TypeVar("Model", bound=BaseModel)


@dataclass(frozen=True)
class UnreadableObject:
    """An object that this version of the operator cannot parse; equal to itself until its spec is edited."""

    name: str
    generation: int
    problem: str = field(compare=False)
    """The field that cannot be parsed, and why."""
    raw: Mapping[str, Any] = field(compare=False)
    """The object as it was read."""


def parse_or_explain(model: type[Model], raw: Mapping[str, Any]) -> Model | UnreadableObject:
    """The object; or its name, and what of it an older or newer CRD admitted that cannot be parsed."""
    try:
        return model.model_validate(raw)
    except ValidationError as error:
        metadata, (_, problem) = raw["metadata"], unreadable_part(error)
        return UnreadableObject(metadata["name"], metadata.get("generation", 0), problem, raw)


def unreadable_part(error: ValidationError) -> tuple[str, str]:
    """Names what of an object cannot be parsed.

    Args:
        error: What parsing it raised.

    Returns:
        "spec" or "status", and the first field that cannot be parsed, with why.
    """
    first = error.errors()[0]
    part = "status" if first["loc"][:1] == ("status",) else "spec"
    return part, f"{'.'.join(map(str, first['loc']))}: {first['msg']}"


def parse_dpojob(raw: Mapping[str, Any]) -> DPOJob | None:
    """The DPOJob; None when an older or newer CRD admitted what this operator cannot parse."""
    try:
        return DPOJob.model_validate(raw)
    except ValidationError:
        return None


def parse_gpupool(raw: Mapping[str, Any]) -> GPUPool | None:
    """The GPUPool; None when it cannot be parsed, so that nothing is planned on it."""
    try:
        return GPUPool.model_validate(raw)
    except ValidationError:
        return None
