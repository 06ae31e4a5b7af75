"""Kubernetes Events on a DPOJob, after the status was written: one for every condition that changed,
and one for every warning of inspection.

They tell a person what happened; nothing depends on them, so a lost one is lost.
"""

from __future__ import annotations

import hashlib
import logging
from datetime import datetime

from dpojob_api.conditions import Condition, ConditionType, Reason
from dpojob_api.constants import API_VERSION
from dpojob_api.job import DPOJob, DPOJobStatus
from dpojob_api.report import Problem

from .api_client import ApiClient, ApiError, Object
from .resources import EVENTS

log = logging.getLogger(__name__)
LONGEST_MESSAGE = 1024
"""Characters; the API server refuses longer ones (core/v1 Event validation)."""
SILENT = (ConditionType.READY, ConditionType.STALLED, ConditionType.FINISHED)
"""They repeat what other conditions say."""
NOT_NEWS = (Reason.STARTING, Reason.STOPPED, Reason.HEALTHY, Reason.NOT_SUSPENDED)
"""What other Events of the same moment say better."""
BAD_WHEN_FALSE = (
    ConditionType.DATASET_VALID,
    ConditionType.PLANNED,
    ConditionType.TRAINING_HEALTHY,
)


def conditions_to_report(old: DPOJobStatus, new: DPOJobStatus) -> list[Condition]:
    """Conditions whose reason changed; where several say the same, the first."""
    before = {condition.type: condition.reason for condition in old.conditions}
    told: dict[tuple[str, str], Condition] = {}
    for condition in new.conditions:
        changed = before.get(condition.type) != condition.reason
        if changed and condition.type not in SILENT and condition.reason not in NOT_NEWS:
            told.setdefault((condition.reason, condition.message), condition)
    return list(told.values())


def is_warning(condition: Condition) -> bool:
    """Whether a person should look."""
    if condition.type == ConditionType.FAILED or condition.reason == Reason.CREATION_REFUSED:
        return True
    return condition.status == "False" and condition.type in BAD_WHEN_FALSE


def warnings(old: DPOJobStatus, new: DPOJobStatus) -> list[Problem]:
    """What inspection just warned about."""
    if old.dataset is not None or new.dataset is None:
        return []
    return [problem for problem in new.dataset.problems if problem.severity == "warning"]


def event(job: DPOJob, reason: str, message: str, now: datetime, *, bad: bool) -> Object:
    """An Event on the job; the same one twice is one."""
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
        "type": "Warning" if bad else "Normal",
        "reason": reason,
        "message": message[:LONGEST_MESSAGE],
        "source": {"component": "dpojob-operator"},
        "firstTimestamp": stamp,
        "lastTimestamp": stamp,
        "count": 1,
    }


async def tell(cluster: ApiClient, job: DPOJob, new: DPOJobStatus, now: datetime) -> None:
    """Creates the Events for what changed between the job's status and `new`."""
    told = [
        event(job, c.reason, c.message or f"{c.type} is {c.status}.", now, bad=is_warning(c))
        for c in conditions_to_report(job.status, new)
    ]
    told += [event(job, p.code, p.message, now, bad=True) for p in warnings(job.status, new)]
    for made in told:
        try:
            await cluster.create(EVENTS, made)
        except ApiError as error:
            log.info("Event %s of %s/%s: %s", made["reason"], job.namespace, job.name, error)
