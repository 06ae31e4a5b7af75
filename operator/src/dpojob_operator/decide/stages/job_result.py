"""How a training Job ended, from its Job's condition and its pod's last word."""

from __future__ import annotations

from pydantic import ValidationError

from dpojob_api.conditions import ConditionType, Reason
from dpojob_api.constants import FILE_REPORT, ExitCode
from dpojob_api.job import Attempt
from dpojob_api.progress import Artifacts, Outcome
from dpojob_operator.decide import status_summary
from dpojob_operator.decide.object_snapshots import JobSnapshot, PodSnapshot
from dpojob_operator.decide.status_builder import StatusBuilder
from dpojob_operator.manifests.training import FINAL, SIGTERM
from dpojob_planner import out_of_memory_advice

REASON_OF_EXIT = {
    ExitCode.OUT_OF_MEMORY: Reason.OUT_OF_MEMORY,
    ExitCode.DISK_FULL: Reason.DISK_FULL,
    ExitCode.UNHEALTHY: Reason.UNHEALTHY,
}
"""For a pod that could not write its own word. Other statuses: TrainingFailed."""
KNOWN = frozenset(Reason)
"""Of another version's trainer, a word may hold others; they would be labels of metrics for ever."""
OOM_KILLED = "OOMKilled"
"""The kubelet's reason for a container that the kernel killed for its main memory."""
MAIN_MEMORY = (
    "The training container ran out of main memory (not GPU memory); the "
    "installation's limit for training pods (chart value train.resources) is too small."
)


def out_of_main_memory(pod: PodSnapshot) -> bool:
    """Whether that is how the pod failed. A container may have outlived a killed child process."""
    return pod.exit_reason == OOM_KILLED and pod.exit_code not in (
        ExitCode.OK,
        ExitCode.INTERRUPTED,
    )


def parse_outcome(pod: PodSnapshot | None) -> Outcome | None:
    """The container's termination message, if it is one."""
    if pod is None or not pod.termination_message:
        return None
    try:
        return Outcome.model_validate_json(pod.termination_message)
    except ValidationError:
        return None  # a crash before Python ran, or a message cut short


def record_success(builder: StatusBuilder, attempt: Attempt, job: JobSnapshot) -> None:
    """The Job is complete."""
    pod = _last(builder, succeeded=True)
    word = parse_outcome(pod)
    if word is None and _report_may_still_come(builder, job):
        return
    _end(builder, attempt, "Succeeded", word)
    made = builder.status.artifacts or Artifacts()
    if word is not None and word.artifacts is not None:
        told = word.artifacts.model_dump(exclude_none=True)
        made = made.model_copy(update=told)
    if made.claim_name is not None and made.report is None:
        made.report = "/".join(part for part in (made.path, FILE_REPORT) if part)
    builder.status.artifacts = made
    where = _where(made)
    message = word.message if word is not None and word.message else "The model is trained."
    builder.set_condition(ConditionType.TRAINING, False, Reason.STOPPED)
    builder.complete(Reason.COMPLETED, f"{message} {where}".strip())


def record_failure(builder: StatusBuilder, attempt: Attempt, job: JobSnapshot) -> None:
    """The Job failed: for good by its failure policy, or more often than allowed."""
    pod = _last(builder, succeeded=False)
    word = parse_outcome(pod)
    if pod is None and _report_may_still_come(builder, job):
        return
    _end(builder, attempt, "Failed", word)
    if word is not None and word.artifacts is not None:
        builder.status.artifacts = word.artifacts
    reason, message = _cause(builder, pod, word)
    if job.failure_reason == "BackoffLimitExceeded" and reason == Reason.TRAINING_FAILED:
        tries = builder.job.spec.backoff_limit + 1
        reason = Reason.BACKOFF_LIMIT_EXCEEDED
        message = f"Training failed {tries} time(s), the last time with: {message}"
    if not message:
        message = job.failure_message or "The training pod left no word; see its log."
    builder.set_condition(ConditionType.TRAINING, False, Reason.STOPPED)
    builder.fail(reason, message)


def _end(builder: StatusBuilder, attempt: Attempt, outcome: str, word: Outcome | None) -> None:
    attempt.outcome, attempt.end_time = outcome, builder.now
    if word is not None:
        builder.status.progress = word.progress
        attempt.last_step = max(attempt.last_step, word.progress.step)
        if word.progress.resumed_from is not None:
            attempt.first_step = word.progress.resumed_from
        if word.samples:
            builder.status.samples = word.samples
        if word.progress.max_steps:
            health = word.progress.health
            builder.set_condition(
                ConditionType.TRAINING_HEALTHY, health.healthy, health.reason, health.message
            )
    status_summary.update_cost(builder)


def _last(builder: StatusBuilder, *, succeeded: bool) -> PodSnapshot | None:
    """The pod that speaks for the Job: of each rank the last to end, and of several ranks the one
    that ended the others, else one with a word, else the first."""
    last: dict[int, PodSnapshot] = {}
    for pod in sorted(builder.snapshot.training_pods, key=_ended):
        if pod.finished is not None and (pod.exit_code == 0) is succeeded:
            last[pod.index] = pod
    return max(last.values(), key=_weight, default=None)


def _ended(pod: PodSnapshot) -> tuple[str, str]:
    return str(pod.finished), str(pod.created)


def _weight(pod: PodSnapshot) -> tuple[bool, bool, bool, int]:
    """What a pod's word is worth: ranks are interrupted when another one fails."""
    interrupted = pod.exit_code in (ExitCode.INTERRUPTED, SIGTERM)
    return not interrupted, pod.exit_code in FINAL, bool(pod.termination_message), -pod.index


def _report_may_still_come(builder: StatusBuilder, job: JobSnapshot) -> bool:
    """A listing of pods may lag behind the Job's own end."""
    if job.ended is None:
        return False
    left = builder.policy.verdict_grace_seconds - (builder.now - job.ended).total_seconds()
    if left > 0:
        builder.requeue_within(min(left, 2.0))
    return left > 0


def _cause(
    builder: StatusBuilder, pod: PodSnapshot | None, word: Outcome | None
) -> tuple[str, str]:
    if word is not None:
        reason = word.reason if word.reason in KNOWN else Reason.TRAINING_FAILED
        message = word.message
    elif pod is None:
        return Reason.TRAINING_FAILED, ""
    elif out_of_main_memory(pod):
        return Reason.OUT_OF_MEMORY, MAIN_MEMORY
    else:
        reason = REASON_OF_EXIT.get(pod.exit_code or 0, Reason.TRAINING_FAILED)
        message = (
            pod.termination_message.strip() or f"The training container ended with {pod.exit_code}."
        )
    if reason == Reason.OUT_OF_MEMORY:
        message = f"{message} {_memory_advice(builder)}"
    return reason, message.strip()


def _memory_advice(builder: StatusBuilder) -> str:
    """What would have fitted, where the peak was measured."""
    plan, progress = builder.status.plan, builder.status.progress
    if plan is None or progress is None or progress.peak_memory_gib is None:
        return ""
    return out_of_memory_advice(plan, progress.peak_memory_gib)


def _where(made: Artifacts) -> str:
    places = []
    if made.claim_name is not None:
        places.append(f"claim {made.claim_name}, directory /{made.path or ''}")
    if made.push is not None:
        places.append(f"hub {made.push}")
    if made.s3 is not None:
        places.append(made.s3)
    return f"The model lies on {'; '.join(places)}." if places else ""
