"""Objects of other people's making: one that cannot be read must not stop another."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from dpojob_api.job import DPOJob
from dpojob_api.pool import GPUPool


def parse_dpojob(raw: Mapping[str, Any]) -> DPOJob | None:
    """The DPOJob, or None when an older or newer CRD let through what this operator cannot read."""
    try:
        return DPOJob.model_validate(raw)
    except ValidationError:
        return None


def parse_gpupool(raw: Mapping[str, Any]) -> GPUPool | None:
    """The GPUPool, or None likewise: nothing is planned on it."""
    try:
        return GPUPool.model_validate(raw)
    except ValidationError:
        return None
