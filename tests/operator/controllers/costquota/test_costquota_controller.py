"""Which requests the quotas of a namespace take, and which jobs they queue."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from prometheus_client import REGISTRY
from tests.kit.operator.costquota_api import (
    NAMESPACE,
    FakeApi,
    Replica,
    attempt,
    planned_job,
    quota,
)

from dpojob_operator.kube import Conflict
from dpojob_operator.kube.resources import COSTQUOTAS, DPOJOBS

NOW = datetime(2026, 11, 30, 23, 58, tzinfo=UTC)


@pytest.fixture
def api() -> FakeApi:
    return FakeApi(NOW)


def test_without_a_quota_nothing_is_asked_for_or_kept(api: FakeApi) -> None:
    replica = Replica(api)
    api.store(DPOJOBS, planned_job("a"))
    replica.see(DPOJOBS)
    assert replica.refresh() is None
    assert api.requests == [] and not replica.costs.is_followed("ns")


def test_a_first_quota_lists_the_jobs_once_and_admits(api: FakeApi) -> None:
    api.store(DPOJOBS, planned_job("a", 30))
    api.store(COSTQUOTAS, quota("team", "50"))
    replica = Replica(api)
    assert replica.refresh() == pytest.approx(120.1), "until the month ends"
    assert api.requests == ["list dpojobs", "put costquotas"]
    assert replica.requeued == ["a"]
    replica.refresh()
    assert len(api.requests) == 2 and replica.requeued == ["a"], "nothing changed"


def test_a_job_that_is_refused_is_queued_once_and_again_when_the_quota_is_raised(
    api: FakeApi,
) -> None:
    api.store(COSTQUOTAS, quota("team", "50"))
    api.store(DPOJOBS, planned_job("a", 60))
    replica = Replica(api)
    replica.refresh()
    replica.refresh()
    assert replica.requeued == ["a"], "its message has the figures"
    raised = api.objects["costquotas"]["team"]
    raised["spec"]["maxCost"] = "70"
    api.store(COSTQUOTAS, raised)
    replica.see(COSTQUOTAS)
    replica.refresh()
    assert replica.requeued == ["a", "a"]


def test_the_end_of_the_period_admits(api: FakeApi) -> None:
    api.store(COSTQUOTAS, quota("team", "50"))
    api.store(DPOJOBS, planned_job("a", 20, attempts=[attempt(45, NOW, NOW)]))
    replica = Replica(api)
    replica.refresh()
    replica.requeued.clear()
    api.store(DPOJOBS, planned_job("b", 20))
    replica.settle()
    assert replica.requeued == ["b"]
    api.now = NOW + timedelta(minutes=3)
    replica.requeued.clear()
    replica.refresh()
    assert replica.requeued == ["a", "b"], "the reservations are of the new period"


def _change_between_admission_and_start(api: FakeApi, change: str) -> None:
    if change == "the period ends":
        api.now = NOW + timedelta(minutes=3)
    elif change == "another quota":
        api.store(COSTQUOTAS, quota("second", "50"))
    else:
        job = api.objects["dpojobs"]["a"]
        job["status"]["plan"]["estimate"]["cost"] = "12"
        api.store(DPOJOBS, job)


@pytest.mark.parametrize("change", ["the period ends", "another quota", "a dearer plan"])
def test_a_job_that_is_admitted_again_is_queued_again(api: FakeApi, change: str) -> None:
    """Its last pass may have found the reservation of the period before, of one quota, or of 10."""
    api.store(COSTQUOTAS, quota("team", "50"))
    api.store(DPOJOBS, planned_job("a", 10))
    replica = Replica(api)
    replica.refresh()
    assert replica.requeued == ["a"]
    _change_between_admission_and_start(api, change)
    replica.settle()
    assert replica.requeued == ["a", "a"]
    replica.settle()
    assert replica.requeued == ["a", "a"], "nothing changed"


def test_a_quota_that_is_used_up_queues_the_jobs_that_go_on(api: FakeApi) -> None:
    api.store(COSTQUOTAS, quota("team", "50"))
    api.store(DPOJOBS, planned_job("runs", attempts=[attempt(1, NOW)]))
    replica = Replica(api)
    replica.refresh()
    assert replica.requeued == []
    api.store(DPOJOBS, planned_job("other", attempts=[attempt(50, NOW, NOW)]))
    replica.settle()
    assert replica.requeued == ["runs", "other"]


def test_when_its_last_quota_is_deleted_the_jobs_of_a_namespace_go_on(api: FakeApi) -> None:
    api.store(COSTQUOTAS, quota("team", "5"))
    api.store(DPOJOBS, planned_job("a", 60))
    replica = Replica(api)
    replica.refresh()
    api.delete(COSTQUOTAS, "team")
    replica.see(COSTQUOTAS)
    assert replica.refresh() is None
    assert replica.requeued == ["a", "a"] and not replica.costs.is_followed("ns")


def test_a_record_that_another_replica_wrote_is_not_overwritten(api: FakeApi) -> None:
    api.store(COSTQUOTAS, quota("team", "50"))
    first, second = Replica(api), Replica(api)
    api.store(DPOJOBS, planned_job("a", 30))
    first.settle()
    with pytest.raises(Conflict):
        second.refresh()
    second.settle()
    assert api.quota().status.reserved == 30


def test_a_quota_that_cannot_be_parsed_stops_the_record_of_no_other(api: FakeApi) -> None:
    api.store(COSTQUOTAS, {"metadata": {"name": "broken"}, "spec": {"maxCost": ["much"]}})
    api.store(COSTQUOTAS, quota("team", "50"))
    api.store(DPOJOBS, planned_job("a", 30))
    replica = Replica(api)
    replica.refresh()
    assert api.quota().status.reserved == 30 and replica.requeued == ["a"]


def test_a_quota_that_cannot_be_parsed_says_so_once_and_keeps_its_record(api: FakeApi) -> None:
    record = {"deletedJobs": "7", "ofALaterVersion": {"a": 1}}
    ready = {"type": "Ready", "status": "True", "reason": "CostCounted"}
    exhausted = {"type": "Exhausted", "status": "False", "reason": "WithinCostQuota"}
    status = {**record, "conditions": [exhausted, ready]}
    api.store(
        COSTQUOTAS,
        {"metadata": {"name": "broken", "generation": 3}, "spec": {"maxCost": ["much"]}, "status": status},
    )  # fmt: skip
    replica = Replica(api)
    assert replica.refresh() is None
    replica.settle()
    assert api.requests.count("put costquotas") == 1
    written = api.objects["costquotas"]["broken"]["status"]
    assert record.items() <= written.items() and written["observedGeneration"] == 3
    conditions = {each["type"]: each for each in written["conditions"]}
    assert conditions["Exhausted"] == exhausted
    found = conditions["Ready"]
    assert (found["status"], found["reason"]) == ("False", "CostQuotaUnreadable")
    assert "spec.maxCost" in found["message"] and "same version" in found["message"]
    labels = {"namespace": NAMESPACE, "quota": "broken"}
    assert REGISTRY.get_sample_value("dpojob_cost_quota_ready", labels) == 0
    api.store(COSTQUOTAS, quota("broken", "50"))
    replica.settle()
    assert REGISTRY.get_sample_value("dpojob_cost_quota_ready", labels) == 1
