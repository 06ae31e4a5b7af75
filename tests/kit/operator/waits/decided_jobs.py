"""DPOJobs after a pass of the operator, as the scenarios of waits and failures build them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from tests.kit.builders import (
    NOW,
    POOLS,
    build_snapshot,
    finished_pod,
    job_snapshot,
    seen_again,
)
from tests.kit.operator_fixture import REPORT

from dpojob_api.job import DPOJob, DPOJobStatus
from dpojob_operator.decide import Snapshot
from dpojob_operator.decide.object_snapshots import PodSnapshot, PVCSnapshot
from dpojob_operator.decide.steps import decide_with_pools
from dpojob_planner import PoolState


@dataclass(frozen=True)
class DecidedJob:
    """A job and what the last pass saw of it."""

    snapshot: Snapshot
    status: DPOJobStatus

    @property
    def job(self) -> DPOJob:
        """The job with the status that the pass wrote."""
        return self.snapshot.job.model_copy(update={"status": self.status})


def decide_once(snapshot: Snapshot, pools: Sequence[PoolState] = POOLS) -> DecidedJob:
    """One pass."""
    return DecidedJob(snapshot, decide_with_pools(snapshot, pools, NOW).status)


def decide_after_an_hour(snapshot: Snapshot, pools: Sequence[PoolState] = POOLS) -> DecidedJob:
    """Two passes, of which the second finds that every grace time is over."""
    first = decide_with_pools(snapshot, pools, NOW)
    return decide_once(seen_again(snapshot, first, 3600), pools)


def with_status(snapshot: Snapshot, status: DPOJobStatus, **facts: Any) -> Snapshot:
    """The snapshot of a later pass, with this status and other facts."""
    return replace(snapshot, job=snapshot.job.model_copy(update={"status": status}), **facts)


def inspects(*pods: PodSnapshot, suspended: bool = False, **facts: Any) -> Snapshot:
    """A job whose inspection Job exists; its `spec.suspend` became true later, if it is."""
    spec = {**facts.get("spec_fields", {}), "suspend": False}
    first = build_snapshot(spec_fields=spec, claims={"data": PVCSnapshot("data", phase="Bound")})
    begun = decide_with_pools(first, POOLS, NOW).status
    assert begun.inspection is not None
    seen = job_snapshot(begun.inspection.name, suspended=suspended)
    return build_snapshot(begun, inspection=seen, inspection_pods=pods, **facts)


def inspected(**facts: Any) -> Snapshot:
    """A job whose inspection has just found its dataset valid, and which has no plan."""
    return inspects(finished_pod("inspect", 0, REPORT), **facts)
