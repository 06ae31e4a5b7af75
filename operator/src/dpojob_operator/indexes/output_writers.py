"""Which training pods of deleted DPOJobs may still write to a job's output directory.

A DPOJob that is deleted in the background is gone at once, while its pod has a grace period in which it
writes its last checkpoint. By then nothing but the pod's label says where it writes.
"""

from __future__ import annotations

from collections.abc import Iterable

from dpojob_api.constants import LABEL_JOB_UID
from dpojob_api.job import DPOJob
from dpojob_operator.decide.object_snapshots import ENDED_PHASES, RawObject


def pods_that_may_write(job: DPOJob, training_pods: Iterable[RawObject]) -> tuple[str, ...]:
    """Select the pods that have not ended and are of another DPOJob.

    Args:
        job: A job with `spec.output.volume`.
        training_pods: The training pods of its namespace with the label of its output directory.

    Returns:
        Their names, sorted.
    """
    return tuple(
        sorted(
            raw["metadata"]["name"]
            for raw in training_pods
            if raw["metadata"]["labels"].get(LABEL_JOB_UID) != job.uid
            and (raw.get("status") or {}).get("phase") not in ENDED_PHASES
        )
    )
