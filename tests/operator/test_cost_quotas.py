"""A namespace with a CostQuota: jobs wait for it, use it up, are deleted, and go on in the next period."""

from __future__ import annotations

import signal
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tests.kit.cluster.clock_override import Clock
from tests.kit.operator.cost_quotas import costquota
from tests.kit.operator_fixture import JobNamespace, Process

pytestmark = pytest.mark.cluster
HOUR = 3600
DAY = 24 * HOUR


@pytest.fixture
def clock(tmp_path: Path) -> Clock:
    """The operator's: a day in the middle of a month, so that no month ends before the test says so.

    It lies so far back that the operator's time stays behind that of the machine, by which the pods start,
    for the whole test. Otherwise the operator would count the days between the two as training time.
    """
    made = Clock(tmp_path / "clock")
    now = made.now()
    middle = (now - timedelta(days=50)).replace(day=15, hour=12)
    made.step((middle - now).total_seconds())
    return made


def test_a_namespace_spends_no_more_than_its_quota(
    job_namespace: JobNamespace, operator: Process, clock: Clock
) -> None:
    def quota() -> dict[str, Any]:
        return dict((job_namespace.get("costquota", "team") or {}).get("status") or {})

    def used() -> Decimal:
        return Decimal(quota().get("used", "0"))

    job_namespace.apply(costquota("team", "0.01"))
    job_namespace.job("first", ttlSecondsAfterFinished=HOUR)
    job_namespace.inspected("first")
    message = job_namespace.until_condition("first", "Ready", "CostQuotaExceeded")
    assert "CostQuota team allows 0.01 a month, of which 0.00 are used" in message
    assert job_namespace.list("jobs", job="first", stage="train") == []

    planned = Decimal(job_namespace.status("first")["plan"]["estimate"]["cost"])
    job_namespace.apply(costquota("team", str(HOUR + round(planned))))
    job_namespace.pod("first", "train", 1)
    job_namespace.until("it is counted", lambda: Decimal(quota()["reserved"]) > 0)
    job_namespace.job("second", training={"epochs": 3})
    job_namespace.until_condition("second", "Ready", "Inspecting")

    job_namespace.until(
        "it trains", lambda: job_namespace.condition("first", "Training")[0] == "True"
    )
    clock.forward(2 * HOUR)
    message = job_namespace.until_condition("first", "Failed", "CostQuotaUsedUp")
    assert "CostQuota team" in message and "checkpoint is kept" in message
    job_namespace.inspected("second")
    job_namespace.until_condition("second", "Ready", "CostQuotaExceeded")
    spent = Decimal(job_namespace.status("first")["cost"]["soFar"])
    # The time is one of whole seconds, and the pod was first seen to run within one.
    assert spent > 2 * HOUR - 1
    job_namespace.until("all is counted", lambda: used() == spent)
    exhausted = {each["type"]: each["reason"] for each in quota()["conditions"]}
    assert exhausted == {"Ready": "CostCounted", "Exhausted": "CostQuotaUsedUp"}

    clock.forward(2 * HOUR)
    operator.stop(signal.SIGKILL)
    operator.start()
    job_namespace.until("its time is over", lambda: job_namespace.get("dpojob", "first") is None)
    job_namespace.until("it is folded", lambda: Decimal(quota()["deletedJobs"]) >= spent - 1)
    assert used() == spent and quota().get("jobs", []) == []
    assert job_namespace.condition("second", "Ready")[1] == "CostQuotaExceeded"

    clock.forward(32 * DAY)
    operator.stop(signal.SIGKILL)
    operator.start()
    job_namespace.pod("second", "train", 1)
    assert used() < spent
