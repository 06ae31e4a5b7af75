"""Step: one GPU Job per attempt, from its creation to its end."""

from __future__ import annotations

from dpojob_api.conditions import ConditionType, Reason
from dpojob_api.job import Attempt, ChildJob
from dpojob_api.progress import Progress
from dpojob_operator.decide import cost
from dpojob_operator.decide.child_names import name_conflict_message, training_name
from dpojob_operator.decide.object_snapshots import JobSnapshot
from dpojob_operator.decide.queueing import hold_if_suspended
from dpojob_operator.decide.status_builder import StatusBuilder
from dpojob_operator.decide.types import Action, CreateClaim, CreateTraining, DeleteJob

from . import job_result
from .output_lock import earlier_pods_ended
from .planning import REPLANNED
from .pod_diagnosis import (
    describe_job,
    newest_pod,
    pod_rejection,
    pods_are_awaited,
    start_obstacle,
)
from .pvc_checks import claims_exist
from .stale_jobs import stale_trainings
from .stop_reason import FAILED, SUSPENDED, stop_reason
from .unreachable import unreachable_message

DELETED = "Deleted"
POLL_SECONDS = 5.0
NOTICE_LENGTH = 600
"""Characters of a pod's notice in the condition's message."""


def run_training(builder: StatusBuilder) -> bool:
    """Create, monitor or end the newest attempt, or begin the next one.

    Args:
        builder: The status under construction.

    Returns:
        Always False: this is the last step.
    """
    attempt = builder.attempt
    if attempt is None or attempt.end_time is not None:
        if (
            stale_trainings(builder)
            or hold_if_suspended(builder)
            or not claims_exist(builder)
            or not earlier_pods_ended(builder)
        ):
            return False
        attempt = _begin(builder)
    job = builder.snapshot.training
    if job is not None and job.name != attempt.job.name:
        job = None
    if job is None and attempt.job.uid is None:
        if not builder.snapshot.earlier_trainings:
            _create(builder, attempt)
        return False
    if job is not None and job.owner != builder.job.uid:
        attempt.end_time = builder.now
        builder.fail(Reason.JOB_NAME_CONFLICT, name_conflict_message(f"Job {job.name}"))
        return False
    if job is None or attempt.job.uid not in (None, job.uid):
        _job_is_gone(builder, attempt)
        return False
    attempt.job.uid = job.uid
    _follow(builder, attempt, job)
    return False


def _begin(builder: StatusBuilder) -> Attempt:
    plan = builder.status.plan
    assert plan is not None
    number = len(builder.status.attempts) + 1
    attempt = Attempt(
        number=number,
        job=ChildJob(name=training_name(builder.job.name, builder.job.uid, number)),
        pool=plan.pool,
        gpus=plan.gpus,
        hourly_price=plan.hourly_price,
    )
    builder.status.attempts.append(attempt)
    return attempt


def _create(builder: StatusBuilder, attempt: Attempt) -> None:
    """Create the Job of an attempt that is in the status, unless the attempt was ended meanwhile."""
    if attempt.outcome is not None or builder.job.spec.suspend:
        attempt.outcome = attempt.outcome or SUSPENDED
        _job_is_gone(builder, attempt)
        return
    if not claims_exist(builder):
        return
    plan, artifacts = builder.status.plan, builder.status.artifacts
    assert plan is not None
    actions: list[Action] = []
    if builder.job.spec.output.volume is None and artifacts is not None and artifacts.claim_name:
        shared = plan.nodes > 1
        actions.append(CreateClaim(artifacts.claim_name, plan.output_gib, shared=shared))
    actions.append(CreateTraining(attempt.job.name, attempt.number))
    builder.set_phase("Queued")
    if builder.request_creation(ConditionType.TRAINING, *actions):
        text = f"Job {attempt.job.name}."
        builder.set_training(False, Reason.STARTING, text)


def _job_is_gone(builder: StatusBuilder, attempt: Attempt) -> None:
    """End an attempt whose Job no longer exists, by the outcome that was recorded for it."""
    attempt.end_time = builder.now
    cost.update_cost(builder)
    if attempt.outcome == SUSPENDED:
        builder.set_phase("Suspended")
        builder.set_training(
            False,
            Reason.SUSPENDED_BY_USER,
            "Stopped; training goes on from the newest complete checkpoint when spec.suspend is "
            "false again.",
        )
        builder.requeue_within(0)
    elif attempt.outcome == REPLANNED:
        builder.requeue_within(0)
    elif attempt.outcome == FAILED:
        condition = builder.status.condition(ConditionType.TRAINING)
        assert condition is not None  # written together with the outcome
        builder.fail(condition.reason, condition.message)
    else:
        attempt.outcome = DELETED
        builder.fail(
            Reason.JOB_DELETED,
            f"Training Job {attempt.job.name} was deleted, but not by the operator; it is not run again. "
            "Checkpoints stay on the output volume. To stop a job for a while, use spec.suspend.",
        )


def _delete_job(builder: StatusBuilder, job: JobSnapshot) -> None:
    if job.owner == builder.job.uid and not job.deleting:
        builder.add_action(DeleteJob(job.name, job.uid))
    builder.requeue_within(POLL_SECONDS)


def _follow(builder: StatusBuilder, attempt: Attempt, job: JobSnapshot) -> None:
    plan = builder.status.plan
    assert plan is not None
    counted = cost.with_gpu_time(builder, attempt, plan.gpus / plan.nodes)
    stop = None
    if not job.finished and attempt.outcome is None:
        stop = stop_reason(builder, job, [*builder.status.attempts[:-1], counted])
        if stop is None and job_result.is_about_to_finish(builder, job):
            return  # it is written once, with the report
    ending = job.finished or stop is not None or attempt.outcome is not None
    # Written at once: a pod that has ended may be deleted before cost may be written again.
    pod_ended = any(
        pod.finished is not None
        and attempt.pod_seconds.get(pod.uid) != counted.pod_seconds[pod.uid]
        for pod in builder.snapshot.training_pods
        if pod.started is not None
    )
    if ending or pod_ended or builder.snapshot.refresh or attempt.start_time is None:
        builder.status.attempts[-1] = attempt = counted
    if job.complete:
        job_result.record_success(builder, attempt, job)
    elif job.failed and attempt.outcome is None:
        job_result.record_failure(builder, attempt, job)
    elif attempt.outcome is not None:
        _stop(builder, attempt, job)
    elif stop is not None:
        attempt.outcome, reason, message = stop
        builder.set_training(False, reason, message)
        _stop(builder, attempt, job)
    else:
        _report_state(builder, attempt, job)


def _stop(builder: StatusBuilder, attempt: Attempt, job: JobSnapshot) -> None:
    """Delete the Job of an attempt whose outcome is in the status; the attempt ends when it is gone."""
    builder.set_phase("Suspended" if attempt.outcome == SUSPENDED else "Training")
    if attempt.outcome == REPLANNED:
        builder.set_phase("Planning")
    _delete_job(builder, job)


def _report_state(builder: StatusBuilder, attempt: Attempt, job: JobSnapshot) -> None:
    pods = builder.snapshot.training_pods
    last = newest_pod(pods)
    if last is not None and last.running:
        _report_running(builder, attempt)
        return
    if not job.suspended and _is_new(builder) and pods_are_awaited(builder, pods):
        attempt.job.uid = None  # it is written with the first news of the pods
        return
    builder.set_phase("Suspended" if job.suspended and attempt.start_time else "Queued")
    obstacle = start_obstacle(pods) or pod_rejection(builder.snapshot.pod_rejection)
    if job.suspended:
        builder.set_training(False, Reason.SUSPENDED_BY_QUEUE, f"Job {job.name}.")
    elif last is None or (not last.scheduled and last.finished is None):
        plan = builder.status.plan
        message = f"Waiting for {attempt.gpus} GPU(s) of pool {attempt.pool}."
        if last is None:
            message += " " + describe_job(builder, job, pods)
        queued = plan is not None and plan.queued
        if obstacle is None:
            builder.set_training(False, Reason.QUEUED if queued else Reason.STARTING, message)
        else:
            builder.set_training(
                False, obstacle.reason or Reason.QUEUED, f"{message} {obstacle.message}"
            )
    elif obstacle is None:
        builder.set_phase("Training")
        builder.set_training(False, Reason.STARTING, f"Job {job.name}.")
    else:
        builder.set_phase("Training")
        builder.set_training(False, obstacle.reason or Reason.STARTING, obstacle.message)


def _is_new(builder: StatusBuilder) -> bool:
    """Whether the status has the intent to create the Job of the newest attempt, and nothing else of it."""
    condition = builder.status.condition(ConditionType.TRAINING)
    recorded = builder.job.status.attempts[-1].job.uid is not None
    return not recorded and condition is not None and condition.reason == Reason.STARTING


def _report_running(builder: StatusBuilder, attempt: Attempt) -> None:
    builder.set_phase("Training")
    reported = builder.snapshot.progress
    if reported is not None and builder.snapshot.refresh:
        record_progress(builder, attempt, reported)
    progress = builder.status.progress
    # Until this pod was polled, the progress in the status is that of the previous pod.
    polled = reported is not None and builder.snapshot.refresh
    current = builder.status.condition(ConditionType.TRAINING)
    steps = current is not None and (current.status, current.reason) == ("True", Reason.TRAINING)
    if polled and progress is not None:
        steps = progress.step > attempt.first_step
    reason = Reason.TRAINING if steps else Reason.STARTING
    message = f"Job {attempt.job.name}."
    if steps and progress is not None and progress.resumed_from:
        message += f" It went on from the checkpoint of step {progress.resumed_from}."
    if steps and progress is not None and progress.notice:
        message += f" {progress.notice[:NOTICE_LENGTH]}"
    if builder.snapshot.progress_unreachable:
        reason, message = Reason.PROGRESS_UNREACHABLE, unreachable_message(builder)
    builder.set_training(True, reason, message)
    if progress is not None and progress.max_steps:
        builder.set_training_healthy(progress.health)
    cost.update_cost(builder, refresh=builder.snapshot.refresh)
    builder.requeue_within(builder.policy.status_seconds)


def record_progress(builder: StatusBuilder, attempt: Attempt, progress: Progress) -> None:
    """Store the newest progress in the status and in the attempt.

    Args:
        builder: The status under construction.
        attempt: The newest attempt.
        progress: What its pod reported.
    """
    builder.status.progress = progress
    attempt.first_step = progress.resumed_from or 0
    attempt.last_step = max(attempt.last_step, progress.step)
