"""Inspect: one CPU Job whose last word is the verdict on dataset and model."""

from __future__ import annotations

from dpojob_api.conditions import ConditionType, Reason
from dpojob_api.job import ChildJob
from dpojob_api.report import InspectionReport
from dpojob_operator.decide import inspection_result
from dpojob_operator.decide.child_names import inspection_name
from dpojob_operator.decide.object_snapshots import JobSnapshot
from dpojob_operator.decide.status_builder import StatusBuilder
from dpojob_operator.decide.types import CreateInspection

from . import pvc_checks
from .pod_diagnosis import (
    describe_job,
    newest_pod,
    pod_missing_secret,
    start_obstacle,
    waiting_seconds,
)
from .suspension import hold_if_suspended

LOOK_AGAIN_SECONDS = 30.0
AGAIN = "Correct that, then create this DPOJob again: delete it and apply it anew."
"""A finished job refuses every edit of what was inspected, also the one that was just advised."""


def stage(builder: StatusBuilder) -> bool:
    """Whether the dataset is known to be valid, so that planning may go on."""
    if builder.status.dataset is not None:
        return True
    if builder.status.inspection is None and not _begin(builder):
        return False
    recorded, job = builder.status.inspection, builder.snapshot.inspection
    if recorded is None:
        return True  # taken over from another job
    if job is None and recorded.uid is None:
        if not hold_if_suspended(builder) and pvc_checks.claims_exist(builder):
            builder.request_creation(ConditionType.DATASET_VALID, CreateInspection(recorded.name))
        return False
    if job is not None and job.owner != builder.job.uid:
        builder.fail(
            Reason.JOB_NAME_CONFLICT,
            f"Job {job.name} exists and is not this DPOJob's; it is left alone. "
            "Delete or rename it, then create this DPOJob again.",
        )
        return False
    if job is None or recorded.uid not in (None, job.uid):
        builder.fail(
            Reason.JOB_DELETED,
            f"Inspection Job {recorded.name} was deleted before its report was read. "
            "Create this DPOJob again.",
        )
        return False
    recorded.uid = job.uid
    return _read(builder, job)


def _begin(builder: StatusBuilder) -> bool:
    if hold_if_suspended(builder):
        return False
    builder.set_phase("Inspecting")
    key, shared = builder.snapshot.inspection_key, builder.snapshot.shared
    if not pvc_checks.claims_exist(builder):
        return False
    if shared is not None and shared.report is not None:
        _record_report(builder, shared.report, f" Inspection shared with DPOJob {shared.name}.")
        return builder.status.dataset is not None and not builder.finished
    if shared is not None:
        builder.set_condition(
            ConditionType.DATASET_VALID,
            None,
            Reason.INSPECTING,
            f"DPOJob {shared.name} inspects the same dataset and model; its report is awaited.",
        )
        builder.requeue_within(LOOK_AGAIN_SECONDS)
        return False
    name = inspection_name(builder.job.name, builder.job.uid)
    builder.status.inspection = ChildJob(name=name, key=key)
    builder.set_condition(ConditionType.DATASET_VALID, None, Reason.INSPECTING, f"Job {name}.")
    return True


def _read(builder: StatusBuilder, job: JobSnapshot) -> bool:
    pods = builder.snapshot.inspection_pods
    report = inspection_result.read_report(pods)
    if report is not None:
        _record_report(builder, report, "")
        return not builder.finished
    if job.finished and not _report_may_still_come(builder, job):
        builder.set_condition(ConditionType.DATASET_VALID, None, Reason.INSPECTION_FAILED)
        builder.fail(Reason.INSPECTION_FAILED, _failure(builder, job))
        return False
    builder.set_phase("Inspecting")
    pod = pod_missing_secret(pods)
    if pod is not None:
        left = builder.policy.secret_grace_seconds - waiting_seconds(pod, builder.now)
        if left <= 0:
            builder.set_condition(ConditionType.DATASET_VALID, None, Reason.SECRET_NOT_FOUND)
            builder.fail(Reason.SECRET_NOT_FOUND, missing_secret_message(pod.waiting_message))
            return False
        builder.requeue_within(left)
    waits = start_obstacle(pods)
    named = builder.snapshot.claims
    unbound = [n for n, claim in named.items() if claim is not None and claim.phase == "Pending"]
    if waits and unbound:
        names = ", ".join(unbound)
        waits = f"PersistentVolumeClaim {names} is not bound. {waits}"
    why = Reason.WAITING_FOR_CLAIM if waits and unbound else Reason.INSPECTING
    waits = waits or describe_job(builder, job, pods)
    builder.set_condition(ConditionType.DATASET_VALID, None, why, waits)
    return False


def missing_secret_message(waiting: str) -> str:
    """What to do about a pod that waits for a Secret."""
    return (
        f"The pod cannot start: {waiting}. Create the Secret with that key in the job's "
        "namespace, or correct hubTokenSecret or environmentSecret; then create this DPOJob again."
    )


def _report_may_still_come(builder: StatusBuilder, job: JobSnapshot) -> bool:
    """A listing of pods may lag behind the Job's own end."""
    if job.ended is None:
        return False
    left = builder.policy.verdict_grace_seconds - (builder.now - job.ended).total_seconds()
    if left <= 0 or any(pod.finished is not None for pod in builder.snapshot.inspection_pods):
        return False
    builder.requeue_within(min(left, 2.0))
    return True


def _failure(builder: StatusBuilder, job: JobSnapshot) -> str:
    if job.failure_reason == "DeadlineExceeded":
        waits = start_obstacle(builder.snapshot.inspection_pods) or _last_message(builder)
        return f"Inspection did not end in time. {waits}".strip()
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
    word = pod.termination_message.strip()
    return f"The inspection pod ended with status {pod.exit_code} and no report. {word}".strip()


def _record_report(builder: StatusBuilder, report: InspectionReport, note: str) -> None:
    good = report.valid and report.error is None
    reason, message = (
        inspection_result.dataset_valid_reason(report),
        inspection_result.dataset_valid_message(report),
    )
    message = message + note if good else f"{message.rstrip('.')}. {AGAIN}"
    builder.status.model = report.model
    if report.error is None:
        builder.status.dataset = inspection_result.dataset_status(report)
    builder.set_condition(ConditionType.DATASET_VALID, good, reason, message)
    if not good:
        builder.fail(reason, message)


def _last_message(builder: StatusBuilder) -> str:
    """What the condition said last: with the deadline, the Job's pods are gone."""
    condition = builder.status.condition(ConditionType.DATASET_VALID)
    return condition.message if condition is not None else ""
