"""Snapshots of a training attempt, and what is decided from them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from tests.kit.builders import NOW, POOLS, RUNNING, UID, build_snapshot, training, training_status

from dpojob_api.job import DPOJobStatus
from dpojob_operator.decide import Decision, Snapshot
from dpojob_operator.decide.child_names import training_name
from dpojob_operator.decide.object_snapshots import PodSnapshot
from dpojob_operator.decide.steps import decide_with_pools

NAME = training_name("x", UID, 1)
WAITS = PodSnapshot(name="p", uid="p", created=NOW)
HOUR_AGO = NOW - timedelta(hours=1)


def decided(snapshot: Snapshot) -> Decision:
    return decide_with_pools(snapshot, POOLS, NOW)


def trains(*pods: PodSnapshot, status: DPOJobStatus | None = None, **facts: Any) -> Snapshot:
    status = status or training_status()
    of_job = {name: facts.pop(name) for name in list(facts) if name in JOB_FACTS}
    job = training(status, created=HOUR_AGO, **of_job)
    return build_snapshot(status, training=job, training_pods=pods, **facts)


JOB_FACTS = ("complete", "failed", "failure_reason", "failure_message", "suspended", "deleting",
             "ended", "owner", "uid")  # fmt: skip


def running(**spec: Any) -> DPOJobStatus:
    status = training_status(**spec)
    return decided(trains(RUNNING, status=status, spec_fields=spec)).status


def condition(decision: Decision, type_: str = "Training") -> tuple[str, str, str]:
    found = decision.status.condition(type_)
    assert found is not None
    return found.status, found.reason, found.message
