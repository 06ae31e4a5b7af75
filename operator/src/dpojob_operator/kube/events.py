"""Kubernetes Events on a DPOJob, for a status that was written: one for all conditions that changed as expected,
one for every other that changed, one for the verdict of an evaluation, one for every warning of inspection, and one
where training goes on with a smaller batch.

They are for people, and nothing depends on them.
"""

from __future__ import annotations

import hashlib
import logging
from datetime import datetime

from dpojob_api.base import JSONObject
from dpojob_api.conditions import ConditionType, Reason
from dpojob_api.constants import API_VERSION
from dpojob_api.job import DPOJob, DPOJobStatus
from dpojob_api.report import Problem
from dpojob_api.status_condition import Condition

log = logging.getLogger(__name__)
MAX_MESSAGE_LENGTH = 1024
"""Characters; the API server refuses longer ones (core/v1 Event validation)."""
SUMMARY_TYPES = (ConditionType.READY, ConditionType.STALLED, ConditionType.FINISHED)
"""They repeat other conditions."""
ROUTINE_REASONS = (Reason.STARTING, Reason.STOPPED, Reason.HEALTHY, Reason.NOT_SUSPENDED)
"""Reasons of transitions that another Event of the same moment reports."""
OBSTACLES = (
    Reason.CREATION_REFUSED,
    Reason.QUOTA_EXCEEDED,
    Reason.COST_QUOTA_EXCEEDED,
    Reason.NO_NODE_FITS,
    Reason.IMAGE_PULL_FAILED,
    Reason.PROGRESS_UNREACHABLE,
    Reason.QUEUE_EDIT_NOT_APPLIED,
)
"""Reasons that a person has to act on while the job waits."""
WARNING_WHEN_FALSE = (
    ConditionType.DATASET_VALID,
    ConditionType.PLANNED,
    ConditionType.TRAINING_HEALTHY,
    ConditionType.IMPROVED,
)


def conditions_to_report(old: DPOJobStatus, new: DPOJobStatus) -> list[Condition]:
    """Conditions whose reason changed; only the first of several with the same reason and message."""
    before = {condition.type: condition.reason for condition in old.conditions}
    events: dict[tuple[str, str], Condition] = {}
    for condition in new.conditions:
        changed = before.get(condition.type) != condition.reason
        if (
            changed
            and condition.type not in SUMMARY_TYPES
            and condition.reason not in ROUTINE_REASONS
        ):
            events.setdefault((condition.reason, condition.message), condition)
    return list(events.values())


def is_warning(condition: Condition) -> bool:
    """Whether the condition is reported as a Warning."""
    if condition.type == ConditionType.FAILED or condition.reason in OBSTACLES:
        return True
    return condition.status == "False" and condition.type in WARNING_WHEN_FALSE


def warnings(old: DPOJobStatus, new: DPOJobStatus) -> list[Problem]:
    """The warnings of an inspection that just ended."""
    if old.dataset is not None or new.dataset is None:
        return []
    return [problem for problem in new.dataset.problems if problem.severity == "warning"]


def new_notice(old: DPOJobStatus, new: DPOJobStatus) -> str | None:
    """What the trainer has changed about the plan since the old status; None where it has not."""
    before = None if old.progress is None else old.progress.notice
    notice = None if new.progress is None else new.progress.notice
    return notice if notice and notice != before else None


def event(job: DPOJob, reason: str, message: str, now: datetime, *, warning: bool) -> JSONObject:
    """An Event on the job; its name is derived from its content, so that it is created once."""
    seed = f"{job.uid} {reason} {message} {now.isoformat()}"
    stamp = now.isoformat().replace("+00:00", "Z")
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {
            "name": f"{job.name}.{hashlib.sha256(seed.encode()).hexdigest()[:16]}",
            "namespace": job.namespace,
        },
        "involvedObject": {
            "apiVersion": API_VERSION,
            "kind": "DPOJob",
            "name": job.name,
            "namespace": job.namespace,
            "uid": job.uid,
        },
        "type": "Warning" if warning else "Normal",
        "reason": reason,
        "message": message[:MAX_MESSAGE_LENGTH],
        "source": {"component": "dpojob-operator"},
        "firstTimestamp": stamp,
        "lastTimestamp": stamp,
        "count": 1,
    }


def _text(condition: Condition) -> str:
    return condition.message or f"{condition.type} is {condition.status}."


def events_of(job: DPOJob, new: DPOJobStatus, now: datetime) -> list[JSONObject]:
    """The Events for what changed between the job's status and `new`."""
    reported = conditions_to_report(job.status, new)
    alone = [c for c in reported if is_warning(c) or c.type == ConditionType.IMPROVED]
    usual = [c for c in reversed(reported) if c not in alone]
    events = [event(job, c.reason, _text(c), now, warning=is_warning(c)) for c in alone]
    if usual:
        # The furthest stage gives the reason: a job that shares an inspection is valid and planned at once.
        text = " ".join(map(_text, usual))
        events.append(event(job, usual[0].reason, text, now, warning=False))
    events += [event(job, p.code, p.message, now, warning=True) for p in warnings(job.status, new)]
    notice = new_notice(job.status, new)
    if notice is not None:
        events.append(event(job, Reason.BATCH_HALVED, notice, now, warning=True))
    return events
