"""Builders of the snapshots that `decide` reads: DPOJobs, Jobs and pods."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.kit.operator_fixture import REPORT, dpojob

from dpojob_api.job import DPOJob, DPOJobStatus
from dpojob_api.pool import GPUPoolSpec
from dpojob_operator.decide import Decision, FirstSeen, Snapshot
from dpojob_operator.decide.object_snapshots import JobSnapshot, PodSnapshot
from dpojob_operator.decide.steps import decide_with_pools
from dpojob_operator.decide.steps.pod_diagnosis import PODLESS_SECONDS
from dpojob_operator.manifests import pool_hash
from dpojob_planner import PoolState

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
UID = "11111111-2222-3333-4444-555555555555"
POOL = GPUPoolSpec.model_validate(
    {
        "gpu": {"model": "T4", "memoryGiB": 16, "bf16": False},
        "modelSize": {"min": "0", "max": "7B"},
        "hourlyPrice": "3600",
    }
)
POOLS = (PoolState(name="t4", spec=POOL, free=2, nodes=1),)
HASHES = {"t4": pool_hash(POOL)}


def job(status: dict[str, Any] | DPOJobStatus | None = None, **spec: Any) -> DPOJob:
    raw = dpojob("x", **spec)
    raw["metadata"] |= {
        "namespace": "ns",
        "uid": UID,
        "generation": 1,
        "creationTimestamp": "2026-11-23T11:00:00Z",
    }
    raw["status"] = status.wire() if isinstance(status, DPOJobStatus) else (status or {})
    return DPOJob.model_validate(raw)


def build_snapshot(
    status: Any = None, /, *, spec_fields: dict[str, Any] | None = None, **facts: Any
) -> Snapshot:
    return Snapshot(job=job(status, **(spec_fields or {})), pool_hashes=HASHES, **facts)


def job_snapshot(name: str, **facts: Any) -> JobSnapshot:
    return JobSnapshot(**{"name": name, "uid": f"uid-of-{name}", "owner": UID, **facts})


def finished_pod(stage: str, exit_code: int, message: Any, **facts: Any) -> PodSnapshot:
    fixed = {
        "name": f"{stage}-pod", "uid": f"{stage}-pod-uid", "phase": "Failed" if exit_code else
        "Succeeded", "scheduled": True, "started": NOW - timedelta(minutes=30), "finished": NOW,
        "exit_code": exit_code, "termination_message": json.dumps(message),
    }  # fmt: skip
    return PodSnapshot(**{**fixed, **facts})


def decide_after_inspection(
    decision: Decision, report: Mapping[str, Any] = REPORT, **facts: Any
) -> Decision:
    """The next decision, after the inspection pod ended with a report."""
    assert decision.status.inspection is not None
    seen = job_snapshot(decision.status.inspection.name)
    pods = (finished_pod("inspect", 0, report),)
    return decide_with_pools(
        build_snapshot(decision.status, inspection=seen, inspection_pods=pods, **facts), POOLS, NOW
    )


def training(status: DPOJobStatus, **facts: Any) -> JobSnapshot:
    return job_snapshot(status.attempts[-1].job.name, pool_hash=HASHES["t4"], **facts)


class FixedClock:
    """A clock that stands at NOW."""

    def now(self) -> datetime:
        """The time."""
        return NOW

    def monotonic(self) -> float:
        """Seconds."""
        return 0.0


def seen_again(
    snapshot: Snapshot, decision: Decision, seconds: float = 0.0, now: datetime = NOW
) -> Snapshot:
    """The snapshot `seconds` after the decision at `now`, with everything else unchanged."""
    seen = {
        what: replace(before, seconds=before.seconds + seconds)
        for what, before in {
            **dict.fromkeys(decision.timed, FirstSeen(now, 0.0)),
            **snapshot.first_seen,
        }.items()
        if what in decision.timed
    }
    job = snapshot.job.model_copy(update={"status": decision.status})
    return replace(snapshot, job=job, first_seen=seen)


def decide_until_stable(snapshot: Snapshot) -> Decision:
    """Decides until the status no longer changes, at one time; fails after six decisions."""
    for _ in range(6):
        decision = decide_with_pools(snapshot, POOLS, NOW)
        following = seen_again(snapshot, decision)
        unchanged = decision.status.wire() == snapshot.job.status.wire()
        if unchanged and following.first_seen.keys() <= snapshot.first_seen.keys():
            return decision
        snapshot = following
    raise AssertionError("the status keeps changing")


def reason(decision: Decision, type_: str) -> str | None:
    condition = decision.status.condition(type_)
    return None if condition is None else condition.reason


def training_status(**spec_fields: Any) -> DPOJobStatus:
    first = decide_with_pools(build_snapshot(spec_fields=spec_fields), POOLS, NOW)
    assert first.status.inspection is not None
    seen, pods = job_snapshot(first.status.inspection.name), (finished_pod("inspect", 0, REPORT),)
    second = decide_with_pools(
        build_snapshot(
            first.status, spec_fields=spec_fields, inspection=seen, inspection_pods=pods
        ),
        POOLS,
        NOW,
    )
    created = build_snapshot(
        second.status, spec_fields=spec_fields, training=training(second.status)
    )
    awaited = decide_with_pools(created, POOLS, NOW)
    return decide_with_pools(seen_again(created, awaited, PODLESS_SECONDS), POOLS, NOW).status


RUNNING = PodSnapshot(
    name="p", uid="p", phase="Running", scheduled=True, started=NOW - timedelta(seconds=10)
)


def running_status() -> DPOJobStatus:
    """The status after a pass over a job whose only training pod runs."""
    status = training_status()
    seen = build_snapshot(status, training=training(status), training_pods=(RUNNING,))
    return decide_with_pools(seen, POOLS, NOW).status
