"""What a status write counts, once, with labels of few values."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from prometheus_client import REGISTRY
from tests.kit.builders import (
    NOW,
    build_snapshot,
    decide_after_inspection,
    finished_pod,
    running_status,
)
from tests.kit.operator_fixture import REPORT

from dpojob_api.job import DPOJobStatus, QueueStatus
from dpojob_api.status_condition import Condition
from dpojob_operator.controllers.dpojob.status_metrics import count_changes, update_budget
from dpojob_operator.decide.steps import decide
from dpojob_operator.process.metrics import RUNNING


def changed(before: Any, after: DPOJobStatus, **facts: Any) -> dict[str, float]:
    """What counting the change adds to the metrics, by sample; sums and counts of histograms only."""

    def samples() -> dict[str, float]:
        return {
            ",".join((sample.name, *sample.labels.values())): sample.value
            for family in REGISTRY.collect()
            for sample in family.samples
            if family.name.startswith("dpojob_") and not sample.name.endswith(("_bucket", "_created"))
        }  # fmt: skip

    then = samples()
    count_changes(build_snapshot(before, **facts), after, "USD")
    now = samples()
    return {k: now[k] - then.get(k, 0) for k in now if now[k] != then.get(k, 0)}


def test_nothing_that_stays_is_counted() -> None:
    status = running_status()
    assert changed(status, status) == {}


def test_gpu_time_and_its_price_are_counted_by_namespace_and_pool() -> None:
    before, after = running_status(), running_status()
    after.attempts[0].gpu_seconds = before.attempts[0].gpu_seconds + 30
    assert changed(before, after) == {
        "dpojob_gpu_seconds_total,ns,t4": 30,
        "dpojob_cost_total,ns,t4,USD": 30,
    }


def test_gpu_time_and_its_price_begin_at_0_with_the_first_attempt_in_a_pool() -> None:
    before, after = running_status(), running_status()
    before.attempts = []
    after.attempts[0].pool, after.attempts[0].gpu_seconds = "new-pool", 0
    assert changed(before, after) == {}
    labels = {"namespace": "ns", "pool": "new-pool"}
    assert REGISTRY.get_sample_value("dpojob_gpu_seconds_total", labels) == 0
    assert REGISTRY.get_sample_value("dpojob_cost_total", {**labels, "currency": "USD"}) == 0


def test_an_attempt_is_counted_when_it_ends() -> None:
    before, after = running_status(), running_status()
    after.attempts[0].end_time, after.attempts[0].outcome = NOW, "Suspended"
    assert changed(before, after) == {"dpojob_attempts_total,t4,Suspended": 1}
    assert changed(after, after) == {}


def test_a_wait_is_observed_when_it_ends() -> None:
    before, after = running_status(), running_status()
    before.queue = QueueStatus(pool="t4", since=NOW, wait_seconds=10)
    after.queue = QueueStatus(pool="t4", wait_seconds=70)
    assert changed(before, after) == {
        "dpojob_queue_wait_seconds_count,t4": 1,
        "dpojob_queue_wait_seconds_sum,t4": 60,
    }


def test_an_inspection_is_counted_with_its_problems_and_the_time_of_its_pod() -> None:
    first = decide(build_snapshot(), NOW)
    problem = {"code": "DuplicateRow", "severity": "warning", "rows": 3, "message": "m"}
    report = {**REPORT, "problems": [problem, {**problem, "split": "test"}]}
    inspected = decide_after_inspection(first, report)  # type: ignore[arg-type]
    pod = finished_pod("inspect", 0, report, started=NOW - timedelta(seconds=90))
    counted = changed(first.status, inspected.status, inspection_pods=(pod,))  # type: ignore[union-attr]
    assert counted == {
        "dpojob_inspections_total,ValidWithWarnings": 1,
        "dpojob_inspection_problems_total,DuplicateRow,warning": 1,
        "dpojob_inspection_duration_seconds_count": 1,
        "dpojob_inspection_duration_seconds_sum": 90,
    }


@pytest.mark.parametrize(
    ("before", "after", "counted"),
    [
        (None, ("False", "ChosenCollapse"), {"dpojob_unhealthy_total,ChosenCollapse": 1}),
        (("True", "Healthy"), ("False", "NaNLoss"), {"dpojob_unhealthy_total,NaNLoss": 1}),
        (("False", "NaNLoss"), ("False", "NaNLoss"), {}),
        (("False", "NaNLoss"), ("True", "Healthy"), {}),
        (None, ("False", "a text of 2000 pods"), {"dpojob_unhealthy_total,Other": 1}),
    ],
)
def test_an_objection_of_a_health_guard_is_counted_once(
    before: Any, after: tuple[str, str], counted: dict[str, float]
) -> None:
    def status(condition: tuple[str, str] | None) -> DPOJobStatus:
        made = running_status()
        made.conditions = [c for c in made.conditions if c.type != "TrainingHealthy"]
        if condition is not None:
            state, reason = condition
            made.conditions.append(
                Condition.model_validate(
                    {"type": "TrainingHealthy", "status": state, "reason": reason}
                )
            )
        return made

    assert changed(status(before), status(after)) == counted


@pytest.mark.parametrize(
    ("budget", "share"),
    [
        ({}, None),
        ({"maxCost": "40.00"}, 0.25),
        ({"maxDuration": "20s"}, 0.5),
        ({"maxCost": "40.00", "maxDuration": "20s"}, 0.5),
        ({"maxCost": "0"}, None),
    ],
)
def test_the_share_of_the_budget_is_that_of_the_nearer_limit(
    budget: dict[str, str], share: float | None
) -> None:
    status = running_status()  # 10 s of one GPU at 1 a second
    job = build_snapshot(status, spec_fields={"budget": budget}).job
    update_budget(("ns", "x"), job, status)
    assert RUNNING.budget_used.pop(("ns", "x"), None) == share
