"""Labels and owner references of the objects that the operator creates."""

from __future__ import annotations

import hashlib
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
from dpojob_api.spec import ClaimPath
from dpojob_operator.decide.effective_spec import normalized_directory
from dpojob_operator.decide.object_snapshots import QUEUE_PREFIX, queue_labels

ANNOTATION_PREFIXES = (QUEUE_PREFIX, "provreq.kueue.x-k8s.io/")
"""The prefixes of a DPOJob's annotations that Kueue reads on a Job and its pod template: topology, provisioning requests."""

OF_THE_DPOJOB_ALONE = frozenset(
    QUEUE_PREFIX + name
    for name in ("prebuilt-workload-name", "multikueue-origin", "multikueue-origin-uid")
)
"""What MultiKueue writes on the copy of a DPOJob in a worker cluster: on a Job, it would tie the Job to a
Workload that was made for the whole DPOJob."""


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


def output_directory_label(output: ClaimPath) -> str:
    """The value of the label that finds pods by where they write: a path may be too long for a label."""
    directory = f"{output.claim_name}/{normalized_directory(output.path)}"
    return hashlib.sha256(directory.encode()).hexdigest()[:32]


def child_queue_labels(job: DPOJob) -> dict[str, str]:
    """The DPOJob's labels that a queueing system reads on its Jobs."""
    own = queue_labels(job.metadata)
    return {name: value for name, value in own.items() if name not in OF_THE_DPOJOB_ALONE}


def queue_annotations(job: DPOJob) -> dict[str, str]:
    """The DPOJob's annotations that a queueing system reads on its Jobs and their pods."""
    own = job.metadata.get("annotations") or {}
    return {
        name: value
        for name, value in own.items()
        if name.startswith(ANNOTATION_PREFIXES) and name not in OF_THE_DPOJOB_ALONE
    }


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
