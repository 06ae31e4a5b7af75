"""DPOJobs in every phase, and objects that the operator has not seen, as the real kstatus library reads them."""

from __future__ import annotations

from typing import Any

import pytest
from tests.kit.builders import NOW, POOLS
from tests.kit.go_programs import kstatus
from tests.kit.operator.cost_quotas import costquota
from tests.kit.operator.recorded_jobs import RECORDED

from dpojob_api.conditions import ConditionType
from dpojob_api.job import DPOJob
from dpojob_operator.decide.steps import decide_with_pools


def decided(name: str) -> DPOJob:
    """A recorded DPOJob after a pass of this version."""
    snapshot = RECORDED[name].snapshot()
    decision = decide_with_pools(snapshot, POOLS, NOW)
    return snapshot.job.model_copy(update={"status": decision.status})


def test_a_job_is_in_progress_until_it_ends_whatever_its_phase() -> None:
    jobs = [decided(name) for name in RECORDED]
    expected = [
        "Current" if job.status.is_true(ConditionType.COMPLETE)
        else "Failed" if job.status.is_true(ConditionType.FAILED)
        else "InProgress"
        for job in jobs
    ]  # fmt: skip
    assert set(expected) == {"Current", "Failed", "InProgress"}
    assert {job.status.phase for job in jobs} >= {"Inspecting", "Queued", "Training", "Suspended"}
    assert kstatus.compute(job.wire() for job in jobs) == expected


def test_an_edit_that_the_operator_has_not_seen_is_in_progress() -> None:
    job = decided("complete")
    edited = job.model_copy(update={"metadata": {**job.metadata, "generation": 2}})
    assert kstatus.compute([job.wire(), edited.wire()]) == ["Current", "InProgress"]


@pytest.mark.cluster
def test_objects_that_nobody_has_seen_are_in_progress(job_namespace: Any) -> None:
    """No operator runs: the CRD's default alone says so, also for an object without any status."""
    job_namespace.job("unseen")
    raw = job_namespace.get("dpojob", "unseen")
    pool = job_namespace.get("gpupool", job_namespace.namespace)
    job_namespace.apply(costquota("unseen", "1"))
    quota = job_namespace.get("costquota", "unseen")
    assert kstatus.compute([raw, pool, quota]) == ["InProgress"] * 3
    without = {name: value for name, value in raw.items() if name != "status"}
    assert kstatus.compute([without]) == ["Current"], "what the default mends"
