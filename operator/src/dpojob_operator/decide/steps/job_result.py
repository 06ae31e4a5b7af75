"""How a training Job ended, from its condition and the termination message of one of its pods."""

from __future__ import annotations

from pydantic import ValidationError

from dpojob_api.conditions import Reason
from dpojob_api.constants import FILE_REPORT, ExitCode
from dpojob_api.job import Attempt
from dpojob_api.progress import Artifacts, Outcome
from dpojob_operator.decide.cost import update_cost
from dpojob_operator.decide.exit_statuses import FINAL_EXITS, SIGTERM_EXIT
from dpojob_operator.decide.object_snapshots import JobSnapshot, PodSnapshot
from dpojob_operator.decide.status_builder import StatusBuilder
from dpojob_planner import out_of_memory_advice

from .evaluation import record_lost_evaluation
from .pod_diagnosis import listing_grace_is_over

REASON_OF_EXIT = {
    ExitCode.OUT_OF_MEMORY: Reason.OUT_OF_MEMORY,
    ExitCode.DISK_FULL: Reason.DISK_FULL,
    ExitCode.UNHEALTHY: Reason.UNHEALTHY,
    ExitCode.GPU_NOT_USABLE: Reason.GPU_NOT_USABLE,
}
"""Reasons for a pod without a termination message. Other statuses: TrainingFailed."""
KNOWN_REASONS = frozenset(Reason)
"""A trainer of another version may report other reasons, which would stay labels of metrics."""
UNSATISFIED_CUDA = "unsatisfied condition: cuda"
"""Part of the error of NVIDIA's container runtime for a driver older than NVIDIA_REQUIRE_CUDA of the image
asks for. It ends the container before the trainer can say so itself."""
OOM_KILLED = "OOMKilled"
"""The kubelet's reason for a container that the kernel killed for its main memory."""
MAIN_MEMORY_MESSAGE = (
    "The training container ran out of main memory (not GPU memory); the "
    "installation's limit for training pods (chart value train.resources) is too small."
)
JOB_END_SECONDS = 5.0
"""How long the end of a Job is waited for once its pods have succeeded; it usually follows within 2 s."""


def all_pods_succeeded(builder: StatusBuilder, job: JobSnapshot) -> bool:
    """Check whether all pods of a Job have succeeded, whether or not the Job controller has counted them.

    Args:
        builder: The status under construction.
        job: The Job of the newest attempt, which has not finished.

    Returns:
        Whether nothing of it is left to run.
    """
    pods = builder.snapshot.training_pods
    succeeded = {pod.index for pod in pods if pod.exit_code == ExitCode.OK}
    return len(succeeded) >= job.completions and all(pod.finished is not None for pod in pods)


def is_about_to_finish(builder: StatusBuilder, job: JobSnapshot) -> bool:
    """Check whether all pods of a Job have succeeded, and the Job controller is about to count them.

    Args:
        builder: The status under construction; a pass at the end of the wait is requested.
        job: The Job of the newest attempt, which has not finished.

    Returns:
        Whether it is worth waiting for, so that the end of the pods and of the Job is one status write.
    """
    if not all_pods_succeeded(builder, job):
        return False
    return not builder.grace_is_over("end of the Job", JOB_END_SECONDS)


def out_of_main_memory(pod: PodSnapshot) -> bool:
    """Check whether the pod failed because its container ran out of main memory.

    A container may have survived the kill of a child process, so its exit status counts too. One whose model
    was complete on a claim does not count: the Job's next pod goes on without what took the memory.

    Args:
        pod: A training pod.

    Returns:
        Whether it did.
    """
    if pod.exit_reason != OOM_KILLED or pod.exit_code in (ExitCode.OK, ExitCode.INTERRUPTED):
        return False
    outcome = parse_outcome(pod)
    return outcome is None or outcome.artifacts is None or outcome.artifacts.claim_name is None


def parse_outcome(pod: PodSnapshot | None) -> Outcome | None:
    """Parse the termination message of a training container.

    Args:
        pod: The pod; None when it is gone.

    Returns:
        The outcome; None when the message holds none.
    """
    if pod is None or not pod.termination_message:
        return None
    try:
        return Outcome.model_validate_json(pod.termination_message)
    except ValidationError:
        return None  # a crash before Python ran, or a message cut short


def record_success(builder: StatusBuilder, attempt: Attempt, job: JobSnapshot) -> None:
    """Complete the DPOJob, with what the trainer reports about its output.

    Args:
        builder: The status under construction.
        attempt: The newest attempt.
        job: Its Job, which is complete.
    """
    pod = _deciding_pod(builder, succeeded=True)
    reported = parse_outcome(pod)
    if reported is None and _report_may_still_come(builder, job):
        return
    _end_attempt(builder, attempt, "Succeeded", reported)
    artifacts = _artifacts(builder, reported)
    builder.status.artifacts = artifacts
    locations = _locations(artifacts)
    message = (
        reported.message if reported is not None and reported.message else "The model is trained."
    )
    builder.set_training(False, Reason.STOPPED)
    builder.complete(Reason.COMPLETED, f"{message} {locations}".strip())


def _artifacts(builder: StatusBuilder, reported: Outcome | None) -> Artifacts:
    """What the status has, with what was reported; a message leaves out what is too long for it."""
    artifacts = builder.status.artifacts or Artifacts()
    if reported is not None and reported.artifacts is not None:
        artifacts = artifacts.model_copy(update=reported.artifacts.model_dump(exclude_none=True))
    if artifacts.claim_name is None or artifacts.report is not None:
        return artifacts
    report = "/".join(part for part in (artifacts.path, FILE_REPORT) if part)
    return artifacts.model_copy(update={"report": report})


def record_failure(builder: StatusBuilder, attempt: Attempt, job: JobSnapshot) -> None:
    """Fail the DPOJob: its Job failed by the failure policy, or more often than allowed.

    Where only the evaluation of a finished model on a claim was lost, the DPOJob is complete.

    Args:
        builder: The status under construction.
        attempt: The newest attempt.
        job: Its Job, which is failed.
    """
    pod = _deciding_pod(builder, succeeded=False)
    reported = parse_outcome(pod)
    if pod is None and _report_may_still_come(builder, job):
        return
    _end_attempt(builder, attempt, "Failed", reported)
    if reported is not None and reported.artifacts is not None:
        builder.status.artifacts = _artifacts(builder, reported)
        if pod is not None and reported.outcome == "Interrupted":
            locations = _locations(builder.status.artifacts)
            out_of_memory = pod.exit_reason == OOM_KILLED
            record_lost_evaluation(
                builder, job, locations, out_of_memory=out_of_memory, usage=reported.judge_usage
            )
            return
    reason, message = _failure_cause(builder, pod, reported)
    if job.failure_reason == "BackoffLimitExceeded" and reason == Reason.TRAINING_FAILED:
        tries = builder.job.spec.backoff_limit + 1
        reason = Reason.BACKOFF_LIMIT_EXCEEDED
        message = f"Training failed {tries} time(s), the last time with: {message}"
    if not message:
        message = (
            job.failure_message or "The training pod wrote no termination message; see its log."
        )
    builder.set_training(False, Reason.STOPPED)
    builder.fail(reason, message)


def _end_attempt(
    builder: StatusBuilder, attempt: Attempt, outcome: str, reported: Outcome | None
) -> None:
    attempt.outcome, attempt.end_time = outcome, builder.now
    if reported is not None:
        builder.status.progress = reported.progress
        attempt.last_step = max(attempt.last_step, reported.progress.step)
        if reported.progress.resumed_from is not None:
            attempt.first_step = reported.progress.resumed_from
        if reported.samples:
            builder.status.samples = reported.samples
        if reported.evaluation is not None:
            builder.status.evaluation = reported.evaluation
            if builder.job.spec.evaluation is not None:
                builder.set_improved(reported.evaluation)
        if reported.progress.max_steps:
            builder.set_training_healthy(reported.progress.health)
    update_cost(builder)


def _deciding_pod(builder: StatusBuilder, *, succeeded: bool) -> PodSnapshot | None:
    """Choose the pod whose termination message explains the end of the Job.

    Within a rank, only the last pod to end counts. Among ranks, a pod that failed by itself is
    preferred to one that was interrupted because another failed; then one with a termination
    message; then the lowest rank.

    Args:
        builder: The status under construction.
        succeeded: Whether to consider pods that succeeded, or pods that failed.

    Returns:
        The pod; None when no such pod is listed.
    """
    last: dict[int, PodSnapshot] = {}
    for pod in sorted(builder.snapshot.training_pods, key=_end_order):
        if pod.finished is not None and (pod.exit_code == 0) is succeeded:
            last[pod.index] = pod
    return max(last.values(), key=_explanatory_value, default=None)


def _end_order(pod: PodSnapshot) -> tuple[str, str]:
    return str(pod.finished), str(pod.created)


def _explanatory_value(pod: PodSnapshot) -> tuple[bool, bool, bool, int]:
    """The sort key of a pod: how likely its message explains why the Job ended."""
    interrupted = pod.exit_code in (ExitCode.INTERRUPTED, SIGTERM_EXIT)
    return not interrupted, pod.exit_code in FINAL_EXITS, bool(pod.termination_message), -pod.index


def _report_may_still_come(builder: StatusBuilder, job: JobSnapshot) -> bool:
    """Whether the listing of pods may lag behind the Job's own end."""
    return job.ended is not None and not listing_grace_is_over(builder, job)


def _failure_cause(
    builder: StatusBuilder, pod: PodSnapshot | None, reported: Outcome | None
) -> tuple[str, str]:
    if reported is not None:
        reason = reported.reason if reported.reason in KNOWN_REASONS else Reason.TRAINING_FAILED
        message = reported.message
    elif pod is None:
        return Reason.TRAINING_FAILED, ""
    elif out_of_main_memory(pod):
        return Reason.OUT_OF_MEMORY, MAIN_MEMORY_MESSAGE
    elif UNSATISFIED_CUDA in pod.termination_message:
        return Reason.GPU_NOT_USABLE, (
            "The container runtime refused the training image, whose CUDA needs a newer driver than the node "
            "has. Update the driver on the pool's nodes, or build the training image for an older CUDA (build "
            f"argument TORCH_INDEX). ({pod.termination_message.strip()[-300:]})"
        )
    else:
        reason = REASON_OF_EXIT.get(pod.exit_code or 0, Reason.TRAINING_FAILED)
        message = (
            pod.termination_message.strip() or f"The training container ended with {pod.exit_code}."
        )
    if reason == Reason.OUT_OF_MEMORY:
        message = f"{message} {_memory_advice(builder)}"
    return reason, message.strip()


def _memory_advice(builder: StatusBuilder) -> str:
    """The advice of the planner on what would have fitted; empty unless the peak was measured."""
    plan, progress = builder.status.plan, builder.status.progress
    if plan is None or progress is None or progress.peak_memory_gib is None:
        return ""
    return out_of_memory_advice(plan, progress.peak_memory_gib)


def _locations(artifacts: Artifacts) -> str:
    places = []
    if artifacts.claim_name is not None:
        places.append(f"claim {artifacts.claim_name}, directory /{artifacts.path or ''}")
    if artifacts.push is not None:
        places.append(f"hub {artifacts.push}")
    if artifacts.s3 is not None:
        places.append(artifacts.s3)
    return f"The model lies on {'; '.join(places)}." if places else ""
