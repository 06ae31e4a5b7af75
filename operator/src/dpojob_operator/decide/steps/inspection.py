"""Step: one CPU Job inspects dataset and model; its termination message is the report."""

from __future__ import annotations

from dpojob_api.conditions import ConditionType, Reason
from dpojob_api.job import ChildJob
from dpojob_api.report import InspectionReport
from dpojob_operator.decide import inspection_result
from dpojob_operator.decide.child_names import inspection_name, name_conflict_message
from dpojob_operator.decide.inspection_result import RECREATE_ADVICE
from dpojob_operator.decide.object_snapshots import JobSnapshot
from dpojob_operator.decide.queueing import hold_if_suspended
from dpojob_operator.decide.status_builder import StatusBuilder
from dpojob_operator.decide.types import CreateInspection

from .pod_diagnosis import (
    describe_job,
    listing_grace_is_over,
    missing_secret_message,
    newest_pod,
    pod_missing_secret,
    pod_rejection,
    secret_wait_is_over,
    start_obstacle,
)
from .pvc_checks import claims_exist

POLL_SECONDS = 30.0


def inspect_dataset(builder: StatusBuilder) -> bool:
    """Create or monitor the inspection Job, or copy the report of another job's inspection.

    Args:
        builder: The status under construction.

    Returns:
        Whether the dataset is known to be valid, so that planning may run.
    """
    if builder.status.dataset is not None:
        return True
    if builder.status.inspection is None and not _begin(builder):
        return False
    recorded, job = builder.status.inspection, builder.snapshot.inspection
    if recorded is None:
        return True  # the report of another job's inspection was copied
    if job is None and recorded.uid is None:
        if hold_if_suspended(builder):
            return False
        builder.set_phase("Inspecting")
        if claims_exist(builder):
            builder.request_creation(ConditionType.DATASET_VALID, CreateInspection(recorded.name))
        return False
    if job is not None and job.owner != builder.job.uid:
        builder.fail(Reason.JOB_NAME_CONFLICT, name_conflict_message(f"Job {job.name}"))
        return False
    if job is None or recorded.uid not in (None, job.uid):
        builder.fail(
            Reason.JOB_DELETED,
            f"Inspection Job {recorded.name} was deleted before its report was read. "
            "Create this DPOJob again.",
        )
        return False
    recorded.uid = job.uid
    return _follow(builder, job)


def _begin(builder: StatusBuilder) -> bool:
    if hold_if_suspended(builder):
        return False
    builder.set_phase("Inspecting")
    key, shared = builder.snapshot.inspection_key, builder.snapshot.shared
    if not claims_exist(builder):
        return False
    if builder.snapshot.lookup_pending:
        builder.set_dataset_valid(
            None, Reason.INSPECTING, "The commits of branches are looked up at the hub."
        )
        builder.requeue_within(POLL_SECONDS)  # the end of the look-up queues the job, too
        return False
    if shared is not None and shared.report is not None:
        note = f" Inspection shared with DPOJob {shared.name}."
        # The page is on the other job's claim.
        _record_report(builder, shared.report.model_copy(update={"page": None}), note)
        return builder.status.dataset is not None and not builder.finished
    if shared is not None:
        builder.set_dataset_valid(
            None,
            Reason.WAITING_FOR_INSPECTION,
            f"DPOJob {shared.name} inspects the same dataset and model; its report is awaited.",
        )
        builder.requeue_within(POLL_SECONDS)
        return False
    name = inspection_name(builder.job.name, builder.job.uid)
    builder.status.inspection = ChildJob(name=name, key=key)
    builder.set_dataset_valid(None, Reason.INSPECTING, f"Job {name}.")
    return True


def _follow(builder: StatusBuilder, job: JobSnapshot) -> bool:
    pods = builder.snapshot.inspection_pods
    report = inspection_result.read_report(pods)
    if report is not None:
        _record_report(builder, report, "")
        return not builder.finished
    if job.finished and not _report_may_still_come(builder, job):
        message = _failure_message(builder, job)
        builder.set_dataset_valid(None, Reason.INSPECTION_FAILED)
        builder.fail(Reason.INSPECTION_FAILED, message)
        return False
    builder.set_phase("Inspecting")
    pod = pod_missing_secret(pods)
    if pod is not None and secret_wait_is_over(builder, pod):
        builder.set_dataset_valid(None, Reason.SECRET_NOT_FOUND)
        builder.fail(Reason.SECRET_NOT_FOUND, missing_secret_message(pod.waiting_message))
        return False
    obstacle = start_obstacle(pods) or pod_rejection(builder.snapshot.pod_rejection)
    claims = builder.snapshot.claims
    unbound = [n for n, claim in claims.items() if claim is not None and claim.phase == "Pending"]
    described = describe_job(builder, job, pods)
    if job.suspended:
        builder.set_phase("Queued")
        builder.set_dataset_valid(None, Reason.SUSPENDED_BY_QUEUE, described)
    elif obstacle is None:
        builder.set_dataset_valid(None, Reason.INSPECTING, described)
    elif unbound:
        names = ", ".join(unbound)
        message = f"PersistentVolumeClaim {names} is not bound. {obstacle.message}"
        builder.set_dataset_valid(None, Reason.WAITING_FOR_CLAIM, message)
    else:
        builder.set_dataset_valid(None, obstacle.reason or Reason.INSPECTING, obstacle.message)
    return False


def _report_may_still_come(builder: StatusBuilder, job: JobSnapshot) -> bool:
    """Whether the listing of pods may lag behind the Job's own end."""
    if job.ended is None:
        return False
    if any(pod.finished is not None for pod in builder.snapshot.inspection_pods):
        return False
    return not listing_grace_is_over(builder, job)


def _failure_message(builder: StatusBuilder, job: JobSnapshot) -> str:
    if job.failure_reason == "DeadlineExceeded":
        obstacle = start_obstacle(builder.snapshot.inspection_pods)
        why = obstacle.message if obstacle is not None else _current_message(builder)
        return f"Inspection did not end in time. {why}".strip()
    pod = newest_pod(builder.snapshot.inspection_pods)
    if pod is None:
        return f"Job {job.name} ended and its pod is gone, with the report."
    if pod.eviction_message:
        return f"The inspection pod was evicted: {pod.eviction_message}"
    if pod.exit_reason == "OOMKilled":
        return (
            "Inspection ran out of memory; the installation's limit for inspection pods "
            "(chart value inspect.resources) is too small for this dataset's rows."
        )
    text = pod.termination_message.strip()
    return f"The inspection pod ended with status {pod.exit_code} and no report. {text}".strip()


def _current_message(builder: StatusBuilder) -> str:
    """The condition's message so far: the Job's pods are deleted at its deadline."""
    condition = builder.status.condition(ConditionType.DATASET_VALID)
    return condition.message if condition is not None else ""


def _record_report(builder: StatusBuilder, report: InspectionReport, note: str) -> None:
    valid = report.valid and report.error is None
    reason = inspection_result.dataset_valid_reason(report)
    message = inspection_result.dataset_valid_message(report)
    message = message + note if valid else f"{message.rstrip('.')}. {RECREATE_ADVICE}"
    builder.status.model = report.model
    if report.error is None:
        builder.status.dataset = inspection_result.dataset_status(report)
    builder.set_dataset_valid(valid, reason, message)
    if not valid:
        builder.fail(reason, message)
