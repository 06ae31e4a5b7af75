"""Inspect: one CPU Job whose last word is the verdict on dataset and model."""

from __future__ import annotations

from dpojob_api.conditions import ConditionType, Reason
from dpojob_api.job import ChildJob
from dpojob_api.report import InspectionReport
from dpojob_operator.decide import inspection_result
from dpojob_operator.decide.child_names import inspection_name
from dpojob_operator.decide.object_snapshots import JobFacts
from dpojob_operator.decide.status_builder import Draft
from dpojob_operator.decide.types import CreateInspection

from . import pvc_checks
from .pod_diagnosis import missing_secret, newest, obstacle, waiting_seconds, working_or_podless
from .suspension import hold

LOOK_AGAIN_SECONDS = 30.0
AGAIN = "Correct that, then create this DPOJob again: delete it and apply it anew."
"""A finished job refuses every edit of what was inspected, also the one that was just advised."""


def stage(draft: Draft) -> bool:
    """Whether the dataset is known to be valid, so that planning may go on."""
    if draft.status.dataset is not None:
        return True
    if draft.status.inspection is None and not _begin(draft):
        return False
    recorded, job = draft.status.inspection, draft.observed.inspection
    if recorded is None:
        return True  # taken over from another job
    if job is None and recorded.uid is None:
        if not hold(draft) and pvc_checks.all_there(draft):
            draft.create(ConditionType.DATASET_VALID, CreateInspection(recorded.name))
        return False
    if job is not None and job.owner != draft.job.uid:
        draft.fail(
            Reason.JOB_NAME_CONFLICT,
            f"Job {job.name} exists and is not this DPOJob's; it is left alone. "
            "Delete or rename it, then create this DPOJob again.",
        )
        return False
    if job is None or recorded.uid not in (None, job.uid):
        draft.fail(
            Reason.JOB_DELETED,
            f"Inspection Job {recorded.name} was deleted before its report was read. "
            "Create this DPOJob again.",
        )
        return False
    recorded.uid = job.uid
    return _read(draft, job)


def _begin(draft: Draft) -> bool:
    if hold(draft):
        return False
    draft.phase("Inspecting")
    key, shared = draft.observed.inspection_key, draft.observed.shared
    if not pvc_checks.all_there(draft):
        return False
    if shared is not None and shared.report is not None:
        _take(draft, shared.report, f" Inspection shared with DPOJob {shared.name}.")
        return draft.status.dataset is not None and not draft.finished
    if shared is not None:
        draft.condition(
            ConditionType.DATASET_VALID,
            None,
            Reason.INSPECTING,
            f"DPOJob {shared.name} inspects the same dataset and model; its report is awaited.",
        )
        draft.wait(LOOK_AGAIN_SECONDS)
        return False
    name = inspection_name(draft.job.name, draft.job.uid)
    draft.status.inspection = ChildJob(name=name, key=key)
    draft.condition(ConditionType.DATASET_VALID, None, Reason.INSPECTING, f"Job {name}.")
    return True


def _read(draft: Draft, job: JobFacts) -> bool:
    pods = draft.observed.inspection_pods
    report = inspection_result.read_verdict(pods)
    if report is not None:
        _take(draft, report, "")
        return not draft.finished
    if job.finished and not _verdict_may_still_come(draft, job):
        draft.condition(ConditionType.DATASET_VALID, None, Reason.INSPECTION_FAILED)
        draft.fail(Reason.INSPECTION_FAILED, _failure(draft, job))
        return False
    draft.phase("Inspecting")
    pod = missing_secret(pods)
    if pod is not None:
        left = draft.policy.secret_grace_seconds - waiting_seconds(pod, draft.now)
        if left <= 0:
            draft.condition(ConditionType.DATASET_VALID, None, Reason.SECRET_NOT_FOUND)
            draft.fail(Reason.SECRET_NOT_FOUND, missing_secret_message(pod.waiting_message))
            return False
        draft.wait(left)
    waits = obstacle(pods)
    named = draft.observed.claims
    unbound = [n for n, claim in named.items() if claim is not None and claim.phase == "Pending"]
    if waits and unbound:
        names = ", ".join(unbound)
        waits = f"PersistentVolumeClaim {names} is not bound. {waits}"
    why = Reason.WAITING_FOR_CLAIM if waits and unbound else Reason.INSPECTING
    waits = waits or working_or_podless(draft, job, pods)
    draft.condition(ConditionType.DATASET_VALID, None, why, waits)
    return False


def missing_secret_message(waiting: str) -> str:
    """What to do about a pod that waits for a Secret."""
    return (
        f"The pod cannot start: {waiting}. Create the Secret with that key in the job's "
        "namespace, or correct hubTokenSecret or environmentSecret; then create this DPOJob again."
    )


def _verdict_may_still_come(draft: Draft, job: JobFacts) -> bool:
    """A listing of pods may lag behind the Job's own end."""
    if job.ended is None:
        return False
    left = draft.policy.verdict_grace_seconds - (draft.now - job.ended).total_seconds()
    if left <= 0 or any(pod.finished is not None for pod in draft.observed.inspection_pods):
        return False
    draft.wait(min(left, 2.0))
    return True


def _failure(draft: Draft, job: JobFacts) -> str:
    if job.failure_reason == "DeadlineExceeded":
        waits = obstacle(draft.observed.inspection_pods) or _last_message(draft)
        return f"Inspection did not end in time. {waits}".strip()
    pod = newest(draft.observed.inspection_pods)
    if pod is None:
        return f"Job {job.name} ended and its pod is gone, with the report."
    if pod.evicted:
        return f"The inspection pod was evicted: {pod.evicted}"
    if pod.exit_reason == "OOMKilled":
        return (
            "Inspection ran out of memory; the installation's limit for inspection pods "
            "(chart value inspect.resources) is too small for this dataset's rows."
        )
    word = pod.last_word.strip()
    return f"The inspection pod ended with status {pod.exit_code} and no report. {word}".strip()


def _take(draft: Draft, report: InspectionReport, note: str) -> None:
    good = report.valid and report.error is None
    reason, message = inspection_result.reason(report), inspection_result.message(report)
    message = message + note if good else f"{message.rstrip('.')}. {AGAIN}"
    draft.status.model = report.model
    if report.error is None:
        draft.status.dataset = inspection_result.to_status(report)
    draft.condition(ConditionType.DATASET_VALID, good, reason, message)
    if not good:
        draft.fail(reason, message)


def _last_message(draft: Draft) -> str:
    """What the condition said last: with the deadline, the Job's pods are gone."""
    condition = draft.status.condition(ConditionType.DATASET_VALID)
    return condition.message if condition is not None else ""
