"""Snapshots of Jobs, Pods and PersistentVolumeClaims: the fields that decisions read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from dpojob_api.constants import CONTAINER_INSPECT, CONTAINER_TRAIN, GROUP, LABEL_JOB_UID

from .conditions import conditions_by_type, true_conditions

ANNOTATION_POOL = f"{GROUP}/pool-parts-hash"
"""The annotation of a training Job with a hash of the parts of its pool from which it was made, so that an edited
pool is noticed. Jobs of versions before have another annotation, with a hash of the whole pool."""

QUEUE_PREFIX = "kueue.x-k8s.io/"
"""The prefix of the labels and annotations that Kueue reads on a Job and its pods."""

NO_INDEX = -1
"""Completion index of a pod whose annotation holds no index."""
MAX_INDEX_DIGITS = 6

ENDED_PHASES = ("Succeeded", "Failed")
"""Phases of a pod whose containers will not run again."""
RawObject = Mapping[str, Any]
"""An object of the Kubernetes API, as parsed from JSON."""


def parse_timestamp(text: str | None) -> datetime | None:
    """Parse a timestamp of the API server.

    Args:
        text: An RFC 3339 timestamp; None stays None.

    Returns:
        The time, with its time zone.
    """
    return None if text is None else datetime.fromisoformat(text.replace("Z", "+00:00"))


def owner_uid(metadata: RawObject) -> str | None:
    """Find the UID of the controlling owner.

    Args:
        metadata: The metadata of an object.

    Returns:
        The UID; None when no owner controls the object.
    """
    for reference in metadata.get("ownerReferences") or []:
        if reference.get("controller"):
            return str(reference["uid"])
    return None


def queue_labels(metadata: RawObject) -> dict[str, str]:
    """Select the labels that a queueing system reads.

    Args:
        metadata: The metadata of a DPOJob or a Job.

    Returns:
        Its labels under kueue.x-k8s.io/.
    """
    labels = metadata.get("labels") or {}
    return {name: str(value) for name, value in labels.items() if name.startswith(QUEUE_PREFIX)}


@dataclass(frozen=True)
class JobSnapshot:
    """A batch/v1 Job."""

    name: str
    uid: str
    owner: str | None = None
    complete: bool = False
    failed: bool = False
    failure_reason: str = ""
    failure_message: str = ""
    ended: datetime | None = None
    suspended: bool = False
    deleting: bool = False
    pool_hash: str = ""
    created: datetime | None = None
    completions: int = 1
    """Pods that must succeed; their indexes are below it."""
    queue_labels: Mapping[str, str] = field(default_factory=dict)
    """Labels by which Kueue chooses its queue and its priority."""
    managed_by: str = ""

    @property
    def finished(self) -> bool:
        """Whether it completed or failed."""
        return self.complete or self.failed

    @classmethod
    def read(cls, job: RawObject) -> JobSnapshot:
        """Read the snapshot from an API object.

        Args:
            job: The object, as parsed from JSON.

        Returns:
            The snapshot.
        """
        metadata = job["metadata"]
        conditions = true_conditions(job)
        failed = conditions.get("Failed", {})
        end = conditions.get("Complete") or failed
        return cls(
            name=metadata["name"],
            uid=metadata["uid"],
            owner=owner_uid(metadata),
            complete="Complete" in conditions,
            failed="Failed" in conditions,
            failure_reason=failed.get("reason", ""),
            failure_message=failed.get("message", ""),
            ended=parse_timestamp(end.get("lastTransitionTime")),
            suspended=bool((job.get("spec") or {}).get("suspend", False)),
            deleting="deletionTimestamp" in metadata,
            created=parse_timestamp(metadata.get("creationTimestamp")),
            completions=int((job.get("spec") or {}).get("completions") or 1),
            pool_hash=(metadata.get("annotations") or {}).get(ANNOTATION_POOL, ""),
            queue_labels=queue_labels(metadata),
            managed_by=(job.get("spec") or {}).get("managedBy") or "",
        )


@dataclass(frozen=True)
class PodSnapshot:
    """A pod of an inspection or training Job, and its container."""

    name: str
    uid: str
    index: int = 0
    phase: str = "Pending"
    created: datetime | None = None
    scheduled: bool = False
    scheduled_at: datetime | None = None
    """When the scheduler bound it to a node."""
    unschedulable: str = ""
    address: str | None = None
    waiting_reason: str = ""
    waiting_message: str = ""
    started: datetime | None = None
    finished: datetime | None = None
    exit_code: int | None = None
    exit_reason: str = ""
    termination_message: str = ""
    eviction_message: str = ""
    deleting: bool = False

    @property
    def running(self) -> bool:
        """Whether its container runs now."""
        return self.started is not None and self.finished is None

    @classmethod
    def read(cls, pod: RawObject) -> PodSnapshot:
        """Read the snapshot from an API object.

        Args:
            pod: The object, as parsed from JSON.

        Returns:
            The snapshot.
        """
        metadata, status = pod["metadata"], pod.get("status") or {}
        conditions = conditions_by_type(pod)
        scheduling = conditions.get("PodScheduled", {})
        container = _container_status(status)
        state: RawObject = container.get("state") or {}
        waiting, running = state.get("waiting") or {}, state.get("running") or {}
        terminated = state.get("terminated") or {}
        started = parse_timestamp((terminated or running).get("startedAt"))
        ended = status.get("phase") in ENDED_PHASES
        finished = parse_timestamp(terminated.get("finishedAt"))
        if ended and started is not None and finished is None:
            # A lost node's pod is failed by the garbage collector; its container never reports.
            finished = _latest(conditions) or started
        index = (metadata.get("annotations") or {}).get(
            "batch.kubernetes.io/job-completion-index", "0"
        )
        # The annotation may hold any text in a pod that the Job controller did not create.
        known_index = index.isascii() and index.isdigit() and len(index) <= MAX_INDEX_DIGITS
        return cls(
            name=metadata["name"],
            uid=metadata["uid"],
            index=int(index) if known_index else NO_INDEX,
            phase=status.get("phase", "Pending"),
            created=parse_timestamp(metadata.get("creationTimestamp")),
            scheduled=bool((pod.get("spec") or {}).get("nodeName")),
            scheduled_at=parse_timestamp(scheduling.get("lastTransitionTime"))
            if scheduling.get("status") == "True"
            else None,
            unschedulable=scheduling.get("message", "")
            if scheduling.get("reason") == "Unschedulable"
            else "",
            address=status.get("podIP"),
            waiting_reason=waiting.get("reason", ""),
            waiting_message=waiting.get("message", ""),
            started=started,
            finished=finished,
            exit_code=terminated.get("exitCode"),
            exit_reason=terminated.get("reason", ""),
            termination_message=terminated.get("message", ""),
            eviction_message=status.get("message", "") if status.get("reason") == "Evicted" else "",
            deleting="deletionTimestamp" in metadata,
        )


def _container_status(status: RawObject) -> RawObject:
    """The status of the inspection or training container; a service mesh may have added others."""
    for container in status.get("containerStatuses") or []:
        if container.get("name") in (CONTAINER_INSPECT, CONTAINER_TRAIN):
            return dict(container)
    return {}


def _latest(conditions: Mapping[str, RawObject]) -> datetime | None:
    times = [parse_timestamp(c.get("lastTransitionTime")) for c in conditions.values()]
    return max((time for time in times if time is not None), default=None)


@dataclass(frozen=True)
class PVCSnapshot:
    """A PersistentVolumeClaim."""

    name: str
    phase: str = "Pending"
    job_uid: str | None = None
    """UID of the DPOJob it was created for; None when a user created it."""
    deleting: bool = False
    access_modes: tuple[str, ...] = ()

    @classmethod
    def read(cls, claim: RawObject) -> PVCSnapshot:
        """Read the snapshot from an API object.

        Args:
            claim: The object, as parsed from JSON.

        Returns:
            The snapshot.
        """
        metadata = claim["metadata"]
        return cls(
            name=metadata["name"],
            phase=(claim.get("status") or {}).get("phase", "Pending"),
            job_uid=(metadata.get("labels") or {}).get(LABEL_JOB_UID),
            deleting="deletionTimestamp" in metadata,
            access_modes=tuple((claim.get("spec") or {}).get("accessModes") or ()),
        )


@dataclass(frozen=True)
class WorkloadSnapshot:
    """The Workload by which Kueue queues a Job: why it is held, as Kueue reports it."""

    queue: str = ""
    reason: str = ""
    """The reason of the condition that holds it, such as Pending or Preempted; may be empty."""
    message: str = ""

    @classmethod
    def read(cls, workload: RawObject) -> WorkloadSnapshot:
        """Read the snapshot from an API object, as Kueue's v1beta1 and v1beta2 have it.

        Args:
            workload: The object, as parsed from JSON.

        Returns:
            The snapshot, without a message where nothing holds the Workload.
        """
        spec, status = workload.get("spec") or {}, workload.get("status") or {}
        conditions = conditions_by_type(workload)
        queue = str(spec.get("queueName") or "")
        if spec.get("active") is False:
            return cls(queue, "Inactive", "The Workload is deactivated (spec.active is false).")
        reserved = conditions.get("QuotaReserved", {})
        evicted = conditions.get("Evicted", {})
        checks = [
            f"{check.get('name')} is {check.get('state')}: {check.get('message') or ''}".strip(" :")
            for check in status.get("admissionChecks") or []
            if check.get("state") != "Ready"
        ]
        if reserved.get("status") == "True" and checks:
            text = "Quota is reserved; admission checks are awaited: " + "; ".join(checks)
            return cls(queue, "AdmissionCheck", text)
        if reserved.get("status") == "False" and reserved.get("message"):
            return cls(queue, str(reserved.get("reason") or ""), str(reserved["message"]))
        if evicted.get("status") == "True" and evicted.get("message"):
            return cls(queue, str(evicted.get("reason") or ""), str(evicted["message"]))
        return cls(queue)
