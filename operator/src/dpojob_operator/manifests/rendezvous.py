"""The headless Service by which the pods of a training over several nodes find rank 0."""

from __future__ import annotations

from typing import Any

from dpojob_api.constants import STAGE_TRAIN
from dpojob_api.job import Attempt, DPOJob
from dpojob_operator.decide.child_names import rendezvous_name

from .metadata import labels, owner


def rendezvous_service(job: DPOJob, attempt: Attempt) -> dict[str, Any]:
    """The Service; it publishes pods that are not ready, since none is ready before the rendezvous."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {
            "name": rendezvous_name(attempt.job.name),
            "namespace": job.namespace,
            "labels": labels(job, STAGE_TRAIN, attempt.number),
            "ownerReferences": owner(job),
        },
        "spec": {
            "clusterIP": "None",
            "publishNotReadyAddresses": True,
            "selector": {"batch.kubernetes.io/job-name": attempt.job.name},
        },
    }
