"""Why a pod does not start, in a user's words."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime

from dpojob_operator.decide.object_snapshots import JobSnapshot, PodSnapshot
from dpojob_operator.decide.status_builder import StatusBuilder

PODLESS_SECONDS = 10.0
"""A Job without a pod for longer than this has a reason that its Events tell."""
WAITING_IS_FINE = ("", "ContainerCreating", "PodInitializing")


def newest_pod(pods: Iterable[PodSnapshot]) -> PodSnapshot | None:
    """The pod that was made last."""
    return max(pods, key=lambda pod: (str(pod.created), pod.name), default=None)


def start_obstacle(pods: Iterable[PodSnapshot]) -> str:
    """What keeps the newest pod from running; empty when nothing is known to."""
    pod = newest_pod(pods)
    if pod is None or pod.started is not None:
        return ""
    if pod.unschedulable:
        return f"Pod {pod.name} waits for a node: {pod.unschedulable}"
    if pod.waiting_reason not in WAITING_IS_FINE:
        return f"Pod {pod.name} waits ({pod.waiting_reason}): {pod.waiting_message}"
    return ""


def describe_job(builder: StatusBuilder, job: JobSnapshot, pods: Collection[PodSnapshot]) -> str:
    """Which Job works, or where to read why it has no pod: quotas and admission tell only it."""
    age = 0.0 if job.created is None else (builder.now - job.created).total_seconds()
    if pods or age >= PODLESS_SECONDS or job.suspended:
        why = "" if pods or job.suspended else " has no pod; `kubectl describe job` says why"
        return f"Job {job.name}{why}."
    builder.requeue_within(PODLESS_SECONDS - age)
    return f"Job {job.name}."


def pod_missing_secret(pods: Iterable[PodSnapshot]) -> PodSnapshot | None:
    """A pod whose container cannot be made because a Secret, or a key in it, does not exist."""
    for pod in pods:
        text = pod.waiting_message.lower()
        if pod.waiting_reason == "CreateContainerConfigError" and "secret" in text:
            return pod
    return None


def waiting_seconds(pod: PodSnapshot, now: datetime) -> float:
    """How long the pod has had a node: what it waited for one is not the Secret's fault."""
    since = pod.scheduled_at or pod.created
    return 0.0 if since is None else (now - since).total_seconds()
