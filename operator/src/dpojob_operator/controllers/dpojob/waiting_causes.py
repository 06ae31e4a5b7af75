"""Why a Job has no pod: what Kueue says of a Job that it holds, and what the Job controller was refused.

Neither is watched. Both are read only while a Job has no pod, and no decision depends on them: they explain
a wait to people. Where they cannot be read (no Kueue, no permission), the wait has its general message.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import datetime

from dpojob_operator.decide import Snapshot
from dpojob_operator.decide.object_snapshots import JobSnapshot, RawObject, WorkloadSnapshot
from dpojob_operator.decide.steps.pod_diagnosis import PODLESS_SECONDS
from dpojob_operator.kube import ApiClient, ApiError, NotFound
from dpojob_operator.kube.resources import EVENTS, WORKLOADS

log = logging.getLogger(__name__)
LABEL_WORKLOAD_JOB = "kueue.x-k8s.io/job-uid"
"""The label of a Workload that holds the UID of its Job."""
FAILED_CREATE = "FailedCreate"
"""Reason of the Job controller's Event about a pod that was refused."""
MAX_MESSAGE_LENGTH = 1000


async def with_waiting_cause(cluster: ApiClient, snapshot: Snapshot, now: datetime) -> Snapshot:
    """The snapshot with why its newest Job has no pod, where it has none for a while.

    The API server reads all Events of a namespace for the few of one Job, so a Job gets the time to create
    its pods before they are asked for.
    """
    job = snapshot.training or snapshot.inspection
    pods = snapshot.training_pods if snapshot.training is not None else snapshot.inspection_pods
    if job is None or pods or job.finished or job.owner != snapshot.job.uid:
        return snapshot
    namespace = snapshot.job.namespace
    try:
        if job.suspended:
            workload = await _workload(cluster, namespace, job) if job.queue_labels else None
            return replace(snapshot, workload=workload)
        if job.created is None or (now - job.created).total_seconds() < PODLESS_SECONDS:
            return snapshot
        return replace(snapshot, pod_rejection=await _pod_rejection(cluster, namespace, job))
    except ApiError as error:
        log.info("why Job %s/%s has no pod is not known: %s", namespace, job.name, error)
        return snapshot


async def _workload(
    cluster: ApiClient, namespace: str, job: JobSnapshot
) -> WorkloadSnapshot | None:
    for resource in WORKLOADS:
        try:
            listed = cluster.list(resource, namespace, {LABEL_WORKLOAD_JOB: job.uid})
            found = [raw async for raw in listed]
        except NotFound:
            continue  # Kueue does not serve this version, or is not installed
        return WorkloadSnapshot.read(found[0]) if found else None
    return None


async def _pod_rejection(cluster: ApiClient, namespace: str, job: JobSnapshot) -> str:
    """The message of the newest Event about a refused pod; empty when there is none."""
    fields = f"involvedObject.uid={job.uid},reason={FAILED_CREATE}"
    events = [event async for event in cluster.list(EVENTS, namespace, fields=fields)]
    newest = max(events, key=_time, default={})
    return str(newest.get("message") or "")[:MAX_MESSAGE_LENGTH]


def _time(event: RawObject) -> str:
    """RFC 3339 timestamps of one time zone are in the order of their text."""
    return str(event.get("lastTimestamp") or event.get("eventTime") or "")
