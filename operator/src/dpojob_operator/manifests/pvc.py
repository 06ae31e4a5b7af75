"""The output claim, created where the spec names none."""

from __future__ import annotations

from typing import Any

from dpojob_api.job import DPOJob
from dpojob_operator.process import WorkloadSettings

from .metadata import labels


def output_claim(
    job: DPOJob, name: str, gib: int, *, shared: bool, settings: WorkloadSettings
) -> dict[str, Any]:
    """A claim of `gib` GiB. It has no owner: deleting a job never deletes a model."""
    spec: dict[str, Any] = {
        "accessModes": ["ReadWriteMany" if shared else "ReadWriteOnce"],
        "resources": {"requests": {"storage": f"{gib}Gi"}},
    }
    if settings.storage_class:
        spec["storageClassName"] = settings.storage_class
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": name, "namespace": job.namespace, "labels": labels(job)},
        "spec": spec,
    }
