"""What the Job controller has still to write: it follows the pods at a distance, which grows on a busy machine."""

from __future__ import annotations

from collections.abc import Iterable

from dpojob_api.base import JSONObject

TRACKING = "batch.kubernetes.io/job-tracking"
"""The finalizer that a pod has until the Job controller has counted it."""
ANNOUNCED = {"FailureTarget": "Failed", "SuccessCriteriaMet": "Complete"}
"""Conditions of a Job whose end is decided, and the one that follows when its pods have ended."""


def is_pending(jobs: Iterable[JSONObject], pods: Iterable[JSONObject]) -> bool:
    """Whether a Job's status is about to change.

    Args:
        jobs: All batch/v1 Jobs of the run.
        pods: Their pods.

    Returns:
        True while a pod that has ended is not counted in its Job's status, or a Job whose end is decided
        is neither Complete nor Failed.
    """
    uncounted = any(
        pod["status"].get("phase") in ("Succeeded", "Failed")
        and TRACKING in pod["metadata"].get("finalizers", ())
        for pod in pods
    )
    return uncounted or any(_is_ending(job.get("status") or {}) for job in jobs)


def _is_ending(status: JSONObject) -> bool:
    true = {c["type"] for c in status.get("conditions") or () if c["status"] == "True"}
    counted = status.get("uncountedTerminatedPods") or {}
    return any(counted.values()) or any(
        announced in true and end not in true for announced, end in ANNOUNCED.items()
    )
