"""Kueue may give a Job to MultiKueue: its pods then run in another cluster, where nothing of them can be read."""

from __future__ import annotations

import pytest
from tests.kit.builders import (
    NOW,
    POOLS,
    build_snapshot,
    job_snapshot,
    reason,
    training,
    training_status,
)

from dpojob_api.conditions import ConditionType
from dpojob_operator.decide import DeleteJob
from dpojob_operator.decide.queueing.managed_by import JOB_CONTROLLER
from dpojob_operator.decide.steps import decide_with_pools

MULTIKUEUE = "kueue.x-k8s.io/multikueue"


def test_an_inspection_in_another_cluster_ends_the_job_before_its_report_is_waited_for() -> None:
    status = decide_with_pools(build_snapshot(), POOLS, NOW).status
    assert status.inspection is not None
    seen = job_snapshot(status.inspection.name, suspended=True, managed_by=MULTIKUEUE)
    decision = decide_with_pools(build_snapshot(status, inspection=seen), POOLS, NOW)
    assert reason(decision, ConditionType.FAILED) == "JobDispatched"
    assert decision.actions == (DeleteJob(seen.name, seen.uid),)
    failed = decision.status.condition(ConditionType.FAILED)
    assert failed is not None and "create a DPOJob with spec.managedBy" in failed.message


def test_a_training_in_another_cluster_ends_the_attempt_too() -> None:
    status = training_status()
    seen = training(status, suspended=True, managed_by=MULTIKUEUE)
    decision = decide_with_pools(build_snapshot(status, training=seen), POOLS, NOW)
    assert reason(decision, ConditionType.FAILED) == "JobDispatched"
    assert decision.status.attempts[-1].outcome == "Failed"
    assert decision.actions == (DeleteJob(seen.name, seen.uid),)


@pytest.mark.parametrize(
    "job", [{"managed_by": JOB_CONTROLLER}, {"managed_by": MULTIKUEUE, "owner": "another"}]
)
def test_kubernetes_own_controller_and_jobs_of_others_change_nothing(job: dict[str, str]) -> None:
    status = training_status()
    seen = training(status, suspended=True, **job)
    decision = decide_with_pools(build_snapshot(status, training=seen), POOLS, NOW)
    assert reason(decision, ConditionType.FAILED) != "JobDispatched"
