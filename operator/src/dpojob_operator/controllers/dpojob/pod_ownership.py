"""Which pods count as those of a Job: every user who may create pods can give one the operator's labels.

Every part of a pod's metadata but its UID and creation time is written by its creator, the owner
reference too. So a pod counts only when the Job controller would count it, and of pods that cannot
both be real, the one that the API server saw first.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from dpojob_operator.decide.object_snapshots import (
    ENDED_PHASES,
    JobSnapshot,
    PodSnapshot,
    RawObject,
)

LABEL_CONTROLLER_UID = "batch.kubernetes.io/controller-uid"
"""A label in the selector of every Job: the Job controller disowns pods without it."""
FINALIZER_TRACKING = "batch.kubernetes.io/job-tracking"
"""The finalizer of every pod that the Job controller created and has not yet counted as ended. When the Job is
deleted, suspended or has failed, it is removed from pods that still run, before they are deleted."""


def pods_of_job(
    job: JobSnapshot, listed: Iterable[RawObject], counted: Collection[str] = ()
) -> tuple[PodSnapshot, ...]:
    """Select the pods of a Job.

    `counted` are the UIDs of pods that were the Job's before: they stay its own, so that none is
    taken for a pod that vanished between the removal of its finalizer and its deletion.

    The Job's pods are replaced only once they have ended (`podReplacementPolicy: Failed`), so of the
    pods of one index at most one runs and at most one succeeded: the oldest. Times of creation are
    compared, which the API server writes. `job` was read before the pods, which carry the
    operator's labels; those that count are returned in the order of their names.
    """
    owned = [PodSnapshot.read(raw) for raw in listed if _is_counted(job, raw, counted)]
    owned = [pod for pod in owned if 0 <= pod.index < job.completions]
    owned.sort(key=lambda pod: (str(pod.created), pod.name))
    taken: set[tuple[int, str]] = set()
    kept = []
    for pod in owned:
        state = pod.phase if pod.phase in ENDED_PHASES else "Live"
        if state != "Failed" and (pod.index, state) in taken:
            continue
        taken.add((pod.index, state))
        kept.append(pod)
    return tuple(sorted(kept, key=lambda pod: pod.name))


def _is_counted(job: JobSnapshot, pod: RawObject, counted: Collection[str]) -> bool:
    metadata = pod["metadata"]
    controlled = any(
        reference.get("controller")
        and (reference.get("apiVersion"), reference.get("kind")) == ("batch/v1", "Job")
        and (reference.get("name"), reference.get("uid")) == (job.name, job.uid)
        for reference in metadata.get("ownerReferences") or []
    )
    selected = (metadata.get("labels") or {}).get(LABEL_CONTROLLER_UID) == job.uid
    ended = (pod.get("status") or {}).get("phase") in ENDED_PHASES
    tracked = FINALIZER_TRACKING in (metadata.get("finalizers") or [])
    leaving = job.deleting or "deletionTimestamp" in metadata
    before = metadata["uid"] in counted
    return controlled and selected and (tracked or ended or leaving or before)
