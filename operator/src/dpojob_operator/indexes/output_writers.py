"""Which training pods of deleted DPOJobs may still write to a job's output directory.

A DPOJob that is deleted in the background is gone at once, while its pod has a grace period in which it
writes its last checkpoint. By then nothing but the pod says where it writes.
"""

from __future__ import annotations

import json
import posixpath
from collections.abc import Iterable, Mapping
from typing import Any

from dpojob_api.constants import GROUP, INPUT_MANIFEST, LABEL_JOB_NAME, LABEL_JOB_UID
from dpojob_api.job import DPOJob
from dpojob_operator.decide.object_snapshots import RawObject

Directory = tuple[str, str]
"""A claim and a directory in it."""


def pods_that_may_write(job: DPOJob, training_pods: Iterable[RawObject]) -> tuple[str, ...]:
    """Select the pods that have not ended, are of another DPOJob, and may write where this job will.

    Args:
        job: A job with `spec.output.volume`.
        training_pods: The training pods of its namespace.

    Returns:
        Their names, sorted: pods with the job's output directory in their manifest, and pods of an
        earlier job of the same name without a readable manifest.
    """
    directory = _directory(job.spec.output.wire())
    return tuple(
        sorted(
            raw["metadata"]["name"]
            for raw in training_pods
            if raw["metadata"]["labels"].get(LABEL_JOB_UID) != job.uid
            and (raw.get("status") or {}).get("phase") not in ("Succeeded", "Failed")
            and _may_write(raw, job.name, directory)
        )
    )


def _may_write(raw: RawObject, name: str, directory: Directory | None) -> bool:
    annotations = raw["metadata"].get("annotations") or {}
    try:
        manifest = json.loads(annotations[f"{GROUP}/{INPUT_MANIFEST}"])
        return _directory(manifest["spec"]["output"]) == directory
    except (KeyError, TypeError, ValueError, AttributeError):
        return bool(raw["metadata"]["labels"].get(LABEL_JOB_NAME) == name)


def _directory(output: Mapping[str, Any]) -> Directory | None:
    volume = output.get("volume")
    if not volume:
        return None
    return str(volume["claimName"]), posixpath.normpath(volume.get("path") or ".")
