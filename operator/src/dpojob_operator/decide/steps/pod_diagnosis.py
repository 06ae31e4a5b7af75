"""Why a pod does not start, as a message for users."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from dpojob_api.conditions import Reason
from dpojob_operator.decide.conditions import rejection_reason
from dpojob_operator.decide.object_snapshots import JobSnapshot, PodSnapshot
from dpojob_operator.decide.status_builder import StatusBuilder

PODLESS_SECONDS = 10.0
"""A Job without a pod for longer than this is prevented from creating one; its Events hold the reason."""
PODLESS_POLL_SECONDS = 30.0
"""The pause between the looks for the reason why a Job has no pod; no event about the DPOJob's objects comes."""
UNBOUND_CLAIM_PHRASES = ("unbound immediate persistentvolumeclaim", "persistent volumes to bind")
"""Parts of the messages of the scheduler's volume binding plugin (pkg/scheduler/framework/plugins/volumebinding)."""
LISTING_POLL_SECONDS = 2.0
"""The pause between the looks for the pods of an ended Job."""
NORMAL_WAITING_REASONS = ("", "ContainerCreating", "PodInitializing")
IMAGE_WAITING_REASONS = (
    "ErrImagePull",
    "ImagePullBackOff",
    "InvalidImageName",
    "ErrImageNeverPull",
)


@dataclass(frozen=True)
class StartObstacle:
    """What keeps a pod from running.

    Attributes:
        reason: The machine-readable reason; None where the usual reason of the stage says enough.
        message: The sentence for people.
    """

    reason: Reason | None
    message: str


def newest_pod(pods: Iterable[PodSnapshot]) -> PodSnapshot | None:
    """Find the pod that was created last.

    Args:
        pods: The pods of one Job.

    Returns:
        The pod; None without pods.
    """
    return max(pods, key=lambda pod: (str(pod.created), pod.name), default=None)


def storage_eviction(pods: Iterable[PodSnapshot]) -> str | None:
    """Find out whether the newest pod was evicted for its disk use.

    Kubernetes counts that as a disruption, and would try again.

    Args:
        pods: The pods of one Job.

    Returns:
        The kubelet's message; None when it was not.
    """
    last = newest_pod(pods)
    message = last.eviction_message if last is not None else ""
    return message if message and ("ephemeral" in message or "EmptyDir" in message) else None


def start_obstacle(pods: Iterable[PodSnapshot]) -> StartObstacle | None:
    """Describe what keeps the newest pod from running.

    Args:
        pods: The pods of one Job.

    Returns:
        The obstacle; None when nothing is known to keep it.
    """
    pod = newest_pod(pods)
    if pod is None or pod.started is not None:
        return None
    if pod.unschedulable:
        # The scheduler counts as insufficient what a node would have if other pods ended.
        message = f"Pod {pod.name} waits for a node: {pod.unschedulable}"
        return StartObstacle(_unschedulable_reason(pod.unschedulable), message)
    if pod.waiting_reason not in NORMAL_WAITING_REASONS:
        image = pod.waiting_reason in IMAGE_WAITING_REASONS
        message = f"Pod {pod.name} waits ({pod.waiting_reason}): {pod.waiting_message}"
        return StartObstacle(Reason.IMAGE_PULL_FAILED if image else None, message)
    return None


def _unschedulable_reason(scheduler_message: str) -> Reason | None:
    """The reason in the scheduler's message; None where a node would do if other pods ended."""
    text = scheduler_message.lower()
    if any(phrase in text for phrase in UNBOUND_CLAIM_PHRASES):
        return Reason.WAITING_FOR_CLAIM
    return None if "insufficient" in text else Reason.NO_NODE_FITS


def pod_rejection(rejection: str) -> StartObstacle | None:
    """Describe why the Job controller cannot create a pod.

    Args:
        rejection: The message of the Job's newest Event about it; empty when there is none.

    Returns:
        The obstacle; None without a message.
    """
    if not rejection:
        return None
    return StartObstacle(rejection_reason(rejection), f"The Job has no pod: {rejection}")


def pods_are_awaited(builder: StatusBuilder, pods: Collection[PodSnapshot]) -> bool:
    """Check whether a Job was created lately and nothing is known about its pods yet.

    The Job controller and the scheduler take a moment, in which there is nothing to report.

    Args:
        builder: The status under construction. A pass is requested for the end of the wait.
        pods: The Job's pods.

    Returns:
        Whether what they do is worth waiting for, so that it is one write with the UID of the Job.
    """
    known = any(
        pod.scheduled or pod.unschedulable or pod.started or pod.finished or pod.waiting_reason
        for pod in pods
    )
    return not known and not builder.grace_is_over("first news of the pods", PODLESS_SECONDS)


def describe_job(builder: StatusBuilder, job: JobSnapshot, pods: Collection[PodSnapshot]) -> str:
    """Name the Job, or point to where its lack of pods is explained.

    Quotas and admission webhooks report a rejected pod only in the Job's Events.

    Args:
        builder: The status under construction. A pass is requested for the time at which the lack of
            pods counts as a problem.
        job: The inspection or training Job.
        pods: Its pods.

    Returns:
        A sentence.
    """
    age = 0.0 if job.created is None else (builder.now - job.created).total_seconds()
    if pods or age >= PODLESS_SECONDS or job.suspended:
        why = "" if pods or job.suspended else " has no pod; `kubectl describe job` says why"
        if why:
            builder.requeue_within(PODLESS_POLL_SECONDS)
        return f"Job {job.name}{why}."
    builder.requeue_within(PODLESS_SECONDS - age)
    return f"Job {job.name}."


def pod_missing_secret(pods: Iterable[PodSnapshot]) -> PodSnapshot | None:
    """Find a pod whose container cannot be created because a Secret, or a key in it, is missing.

    Args:
        pods: The pods of one Job.

    Returns:
        The first such pod, or None.
    """
    for pod in pods:
        text = pod.waiting_message.lower()
        if pod.waiting_reason == "CreateContainerConfigError" and "secret" in text:
            return pod
    return None


def missing_secret_message(waiting: str) -> str:
    """Compose the advice for a pod that waits for a Secret.

    Args:
        waiting: The kubelet's message.

    Returns:
        The message.
    """
    return (
        f"The pod cannot start: {waiting}. Create the Secret with that key in the job's "
        "namespace, or correct hubTokenSecret or environmentSecret; then create this DPOJob again."
    )


def secret_wait_is_over(builder: StatusBuilder, pod: PodSnapshot) -> bool:
    """Check whether the pod has waited for a missing Secret for the whole grace time.

    Args:
        builder: The status under construction. A pass is requested for the end of the grace time.
        pod: The pod that waits; the kubelet reports the Secret only once the pod is on a node.

    Returns:
        Whether the wait is over.
    """
    return builder.grace_is_over(
        f"missing Secret of pod {pod.uid}", builder.policy.secret_grace_seconds
    )


def listing_grace_is_over(builder: StatusBuilder, job: JobSnapshot) -> bool:
    """Check whether an ended Job's pods had the time to show up in a listing.

    Args:
        builder: The status under construction. A pass is requested soon, because no event may come.
        job: A Job that has ended.

    Returns:
        Whether the wait is over.
    """
    if builder.grace_is_over(f"end of Job {job.uid}", builder.policy.pod_listing_grace_seconds):
        return True
    builder.requeue_within(LISTING_POLL_SECONDS)
    return False
