"""Parses DPOJobs and GPUPools; one that cannot be parsed must not stop the work on others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from dpojob_api.job import DPOJob
from dpojob_api.pool import GPUPool


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
