"""Train: one GPU Job per attempt, from the first pod to the last word."""

from __future__ import annotations

from dpojob_api.conditions import ConditionType, Reason
from dpojob_api.job import Attempt, ChildJob
from dpojob_api.progress import Progress
from dpojob_operator.decide import cost, status_summary
from dpojob_operator.decide.child_names import training_name
from dpojob_operator.decide.object_snapshots import JobFacts
from dpojob_operator.decide.status_builder import Draft
from dpojob_operator.decide.types import Action, CreateClaim, CreateTraining, DeleteJob

from . import job_result, output_lock, pvc_checks
from .inspection import missing_secret_message
from .planning import REPLANNED
from .pod_diagnosis import missing_secret, newest, obstacle, waiting_seconds, working_or_podless
from .suspension import hold

SUSPENDED = "Suspended"
FAILED = "Failed"
DELETED = "Deleted"
SUCCEEDED = "Succeeded"
LOOK_AGAIN_SECONDS = 5.0


def stage(draft: Draft) -> bool:
    """Carries the newest attempt on, or begins the next one. Always the last stage."""
    attempt = draft.attempt
    if attempt is None or attempt.end_time is not None:
        if draft.observed.training is not None and attempt is not None:
            _remove(draft, draft.observed.training)  # an answer lost long ago may surface late
            return False
        if hold(draft) or not pvc_checks.all_there(draft) or not output_lock.left_alone(draft):
            return False
        attempt = _begin(draft)
    job = draft.observed.training
    if job is not None and job.name != attempt.job.name:
        job = None
    if job is None and attempt.job.uid is None:
        _create(draft, attempt)
        return False
    if job is not None and job.owner != draft.job.uid:
        attempt.end_time = draft.now
        draft.fail(
            Reason.JOB_NAME_CONFLICT,
            f"Job {job.name} exists and is not this DPOJob's; it is left alone. "
            "Delete or rename it, then create this DPOJob again.",
        )
        return False
    if job is None or attempt.job.uid not in (None, job.uid):
        _gone(draft, attempt)
        return False
    attempt.job.uid = job.uid
    _follow(draft, attempt, job)
    return False


def _begin(draft: Draft) -> Attempt:
    plan = draft.status.plan
    assert plan is not None
    number = len(draft.status.attempts) + 1
    attempt = Attempt(
        number=number,
        job=ChildJob(name=training_name(draft.job.name, draft.job.uid, number)),
        pool=plan.pool,
        gpus=plan.gpus,
        hourly_price=plan.hourly_price,
    )
    draft.status.attempts.append(attempt)
    return attempt


def _create(draft: Draft, attempt: Attempt) -> None:
    """The Job was intended and is not there: make it, unless the wish has passed meanwhile."""
    if attempt.outcome is not None or draft.job.spec.suspend:
        attempt.outcome = attempt.outcome or SUSPENDED
        _gone(draft, attempt)
        return
    if not pvc_checks.all_there(draft):
        return
    plan, artifacts = draft.status.plan, draft.status.artifacts
    assert plan is not None
    actions: list[Action] = []
    if draft.job.spec.output.volume is None and artifacts is not None and artifacts.claim_name:
        shared = plan.nodes > 1
        actions.append(CreateClaim(artifacts.claim_name, plan.output_gib, shared=shared))
    actions.append(CreateTraining(attempt.job.name, attempt.number))
    draft.phase("Queued")
    if draft.create(ConditionType.TRAINING, *actions):
        text = f"Job {attempt.job.name}."
        draft.condition(ConditionType.TRAINING, False, Reason.STARTING, text)


def _gone(draft: Draft, attempt: Attempt) -> None:
    """The attempt's Job no longer exists."""
    attempt.end_time = draft.now
    status_summary.settle_figures(draft)
    if attempt.outcome == SUSPENDED:
        draft.phase("Suspended")
        draft.condition(
            ConditionType.TRAINING,
            False,
            Reason.SUSPENDED_BY_USER,
            "Stopped; training goes on from the newest complete checkpoint when spec.suspend is "
            "false again.",
        )
        draft.wait(0)
    elif attempt.outcome == REPLANNED:
        draft.wait(0)
    elif attempt.outcome == FAILED:
        condition = draft.status.condition(ConditionType.TRAINING)
        assert condition is not None  # written together with the outcome
        draft.fail(condition.reason, condition.message)
    else:
        attempt.outcome = DELETED
        draft.fail(
            Reason.JOB_DELETED,
            f"Training Job {attempt.job.name} was deleted by somebody else; it is not run again. "
            "Checkpoints stay on the output volume. To stop a job for a while, use spec.suspend.",
        )


def _remove(draft: Draft, job: JobFacts) -> None:
    if job.owner == draft.job.uid and not job.deleting:
        draft.act(DeleteJob(job.name, job.uid))
    draft.wait(LOOK_AGAIN_SECONDS)


def _follow(draft: Draft, attempt: Attempt, job: JobFacts) -> None:
    plan = draft.status.plan
    assert plan is not None
    pods, gpus = draft.observed.training_pods, plan.gpus / plan.nodes
    fresh = cost.counted(attempt, pods, gpus, draft.now)
    stop = None
    if not job.finished and attempt.outcome is None:
        stop = _reason_to_stop(draft, [*draft.status.attempts[:-1], fresh])
    ending_now = job.finished or stop is not None or attempt.outcome is not None
    # Once: a pod that has ended may vanish before figures may be written again.
    settles = any(
        pod.finished is not None and attempt.pod_seconds.get(pod.uid) != fresh.pod_seconds[pod.uid]
        for pod in pods
        if pod.started is not None
    )
    if ending_now or settles or draft.observed.refresh or attempt.start_time is None:
        draft.status.attempts[-1] = attempt = fresh
    if job.complete:
        job_result.succeed(draft, attempt, job)
    elif job.failed and attempt.outcome is None:
        job_result.fail(draft, attempt, job)
    elif attempt.outcome is not None:
        _stop(draft, attempt, job)
    elif stop is not None:
        attempt.outcome, reason, message = stop
        draft.condition(ConditionType.TRAINING, False, reason, message)
        _stop(draft, attempt, job)
    else:
        _report(draft, attempt, job)


def _stop(draft: Draft, attempt: Attempt, job: JobFacts) -> None:
    """The end of the attempt is written down; now its Job goes, and then it is over."""
    draft.phase("Suspended" if attempt.outcome == SUSPENDED else "Training")
    if attempt.outcome == REPLANNED:
        draft.phase("Planning")
    _remove(draft, job)


def _reason_to_stop(draft: Draft, attempts: list[Attempt]) -> tuple[str, str, str] | None:
    """Outcome, reason and message when a running or waiting attempt must end.

    `attempts` are counted up to now, whether or not their figures may be written in this pass.
    """
    if draft.job.spec.suspend:
        return SUSPENDED, Reason.SUSPENDED_BY_USER, "Stopping; the pod saves a checkpoint."
    budget = draft.job.spec.budget
    over = cost.exceeded(budget, attempts, draft.policy.currency)
    if over is not None:
        advice = "The newest checkpoint is kept; raise the budget in a new DPOJob to go on."
        return FAILED, Reason.BUDGET_EXCEEDED, f"{over} {advice}"
    pod = missing_secret(draft.observed.training_pods)
    if pod is not None:
        left = draft.policy.secret_grace_seconds - waiting_seconds(pod, draft.now)
        if left <= 0:
            return FAILED, Reason.SECRET_NOT_FOUND, missing_secret_message(pod.waiting_message)
        draft.wait(left)
    running = any(pod.running for pod in draft.observed.training_pods)
    left_over = cost.seconds_left(budget, attempts, attempts[-1].gpus)
    if running and left_over is not None:
        draft.wait(left_over + 0.1)
    if any(job_result.out_of_main_memory(pod) for pod in draft.observed.training_pods):
        return FAILED, Reason.OUT_OF_MEMORY, job_result.MAIN_MEMORY
    last = newest(draft.observed.training_pods)
    if last is not None and last.evicted and _storage(last.evicted):
        return FAILED, Reason.DISK_FULL, f"The training pod was evicted: {last.evicted}"
    return None


def _storage(evicted: str) -> bool:
    """Evictions for disk use would repeat for ever; Kubernetes counts them as disruptions."""
    return "ephemeral" in evicted or "EmptyDir" in evicted


def _report(draft: Draft, attempt: Attempt, job: JobFacts) -> None:
    pods = draft.observed.training_pods
    last = newest(pods)
    if last is not None and last.running:
        _report_running(draft, attempt)
        return
    draft.phase("Suspended" if job.suspended and attempt.start_time else "Queued")
    waits = obstacle(pods)
    if job.suspended:
        draft.condition(
            ConditionType.TRAINING, False, Reason.SUSPENDED_BY_QUEUE, f"Job {job.name}."
        )
    elif last is None or (not last.scheduled and last.finished is None):
        plan = draft.status.plan
        where = f"Waiting for {attempt.gpus} GPU(s) of pool {attempt.pool}."
        if last is None:
            where += " " + working_or_podless(draft, job, pods)
        queued = plan is not None and plan.queued
        known = bool(waits) or queued
        draft.condition(
            ConditionType.TRAINING,
            False,
            Reason.QUEUED if known else Reason.STARTING,
            f"{where} {waits}".strip(),
        )
    else:
        draft.phase("Training")
        draft.condition(ConditionType.TRAINING, False, Reason.STARTING, waits or f"Job {job.name}.")


def _report_running(draft: Draft, attempt: Attempt) -> None:
    draft.phase("Training")
    seen = draft.observed.progress
    if seen is not None and draft.observed.refresh:
        take_progress(draft, attempt, seen)
    progress = draft.status.progress
    # Until this pod was heard, the figures are those of the one before.
    heard = seen is not None and draft.observed.refresh
    told = draft.status.condition(ConditionType.TRAINING)
    steps = told is not None and (told.status, told.reason) == ("True", Reason.TRAINING)
    if heard and progress is not None:
        steps = progress.step > attempt.first_step
    reason = Reason.TRAINING if steps else Reason.STARTING
    message = f"Job {attempt.job.name}."
    if steps and progress is not None and progress.resumed_from:
        message += f" It went on from the checkpoint of step {progress.resumed_from}."
    draft.condition(ConditionType.TRAINING, True, reason, message)
    if progress is not None and progress.max_steps:
        health = progress.health
        draft.condition(
            ConditionType.TRAINING_HEALTHY, health.healthy, health.reason, health.message
        )
    status_summary.settle_figures(draft, refresh=draft.observed.refresh)
    draft.wait(draft.policy.status_seconds)


def take_progress(draft: Draft, attempt: Attempt, progress: Progress) -> None:
    """The newest figures, on the resource and in the attempt."""
    draft.status.progress = progress
    attempt.first_step = progress.resumed_from or 0
    attempt.last_step = max(attempt.last_step, progress.step)
