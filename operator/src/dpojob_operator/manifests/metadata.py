"""Labels and owner references of the objects that the operator creates."""

from __future__ import annotations

from typing import Any

from dpojob_api.constants import (
    API_VERSION,
    LABEL_ATTEMPT,
    LABEL_JOB_NAME,
    LABEL_JOB_UID,
    LABEL_MANAGED_BY,
    LABEL_STAGE,
    MANAGED_BY,
)
from dpojob_api.job import DPOJob

QUEUE_PREFIX = "kueue.x-k8s.io/"
"""Labels of a DPOJob that a queueing system reads on its training Job."""


def labels(job: DPOJob, stage: str | None = None, attempt: int | None = None) -> dict[str, str]:
    """Labels with the DPOJob, the stage and the attempt of an object."""
    found = {
        LABEL_MANAGED_BY: MANAGED_BY,
        LABEL_JOB_NAME: job.name[:63],
        LABEL_JOB_UID: job.uid,
    }
    if stage is not None:
        found[LABEL_STAGE] = stage
    if attempt is not None:
        found[LABEL_ATTEMPT] = str(attempt)
    return found


def queue_labels(job: DPOJob) -> dict[str, str]:
    """The DPOJob's labels that choose a queue."""
    own = job.metadata.get("labels") or {}
    return {name: value for name, value in own.items() if name.startswith(QUEUE_PREFIX)}


def owner(job: DPOJob) -> list[dict[str, Any]]:
    """The owner reference by which the garbage collector deletes the object with the DPOJob."""
    return [
        {
            "apiVersion": API_VERSION,
            "kind": "DPOJob",
            "name": job.name,
            "uid": job.uid,
            "controller": True,
        }
    ]
