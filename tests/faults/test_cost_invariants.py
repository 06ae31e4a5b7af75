"""The cost invariants report wrong GPU times and costs, and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from dpojob_api.base import JSONObject

from .invariants import cost_invariants
from .invariants.history import History

pytestmark = pytest.mark.faults
UID = "00000000-0000-0000-0000-00000000000a"


def pod(uid: str, start: int, end: int | None) -> JSONObject:
    state: dict[str, Any] = {"running": {"startedAt": f"2026-11-23T12:00:{start:02}Z"}}
    if end is not None:
        last = {"finishedAt": f"2026-11-23T12:00:{end:02}Z", **state["running"]}
        state = {"terminated": last}
    labels = {"dpojob.dev/uid": UID, "dpojob.dev/attempt": "1", "dpojob.dev/stage": "train"}
    limits = {"nvidia.com/gpu": "2"}
    return {
        "metadata": {"name": uid, "uid": uid, "labels": labels},
        "spec": {"containers": [{"resources": {"limits": limits}}]},
        "status": {"containerStatuses": [{"state": state}]},
    }


def dpojob(gpu_seconds: float, cost: str) -> JSONObject:
    attempt = {
        "number": 1, "gpuSeconds": gpu_seconds, "hourlyPrice": "36", "endTime": "2026-11-23T12:01:00Z",
    }  # fmt: skip
    return {
        "metadata": {"name": "job", "uid": UID, "labels": {}},
        "status": {"attempts": [attempt], "cost": {"soFar": cost}},
    }


def violated_rules(job: JSONObject, *, vanished: bool = False) -> set[str]:
    """Two pods of two GPUs ran, for 10 s and for 20 s."""
    history = History()
    history.observe("dpojobs", "ADDED", job)
    for one in (pod("a", 0, None), pod("a", 0, 10), pod("b", 15, 35)):
        history.observe("pods", "MODIFIED", one)
    if vanished:
        history.observe("pods", "DELETED", pod("a", 0, 10))
    return {violation.rule for violation in cost_invariants.check_costs(history)}


def test_what_the_pods_used_is_right() -> None:
    assert not violated_rules(dpojob(60.0, "0.60"))
    assert not violated_rules(dpojob(40.0, "0.40"), vanished=True)


def test_a_pod_counted_twice_is_wrong() -> None:
    assert violated_rules(dpojob(80.0, "0.80")) == {"GPU time adds up"}


def test_a_pod_that_is_left_out_is_wrong() -> None:
    assert violated_rules(dpojob(40.0, "0.40")) == {"GPU time adds up"}
    assert violated_rules(dpojob(20.0, "0.20"), vanished=True) == {"GPU time adds up"}


def test_a_cost_that_does_not_match_the_gpu_time_is_wrong() -> None:
    assert violated_rules(dpojob(60.0, "0.40")) == {"the cost adds up"}


def quota(
    *jobs: tuple[str, str],
    deleted: str = "0",
    since: str | None = "2026-11-01T00:00:00Z",
    period: str = "Month",
) -> JSONObject:
    counted = [{"uid": uid, "name": "job", "spent": cost, "before": "0"} for uid, cost in jobs]
    status = {"countedSince": since, "jobs": counted, "deletedJobs": deleted}
    metadata = {"name": "team", "uid": "q"}
    return {"metadata": metadata, "spec": {"period": period}, "status": status}


def rules_of_quotas(*versions: JSONObject, job: Sequence[JSONObject] = ()) -> set[str]:
    """What a quota in these versions breaks, beside a job in these."""
    history = History()
    for version in job:
        history.observe("dpojobs", "MODIFIED", version)
    for version in versions:
        history.observe("costquotas", "MODIFIED", version)
    return {violation.rule for violation in cost_invariants.check_quotas(history)}


def test_a_quota_that_holds_a_job_and_then_its_sum_is_right() -> None:
    held = quota((UID, "0.6"))
    assert not rules_of_quotas(quota((UID, "0.2")), held, job=[dpojob(60.0, "0.60")])
    assert not rules_of_quotas(held, job=[dpojob(60.0, "0.60"), dpojob(59.0, "0.59")])
    assert not rules_of_quotas(held, quota(deleted="0.6"))


def test_a_job_that_a_quota_counts_with_another_cost_is_wrong() -> None:
    rule = {"a quota holds what each job has cost"}
    job = [dpojob(60.0, "0.60")]
    for entries in ([(UID, "0.2")], [(UID, "0.7")], []):
        assert rules_of_quotas(quota(*entries), job=job) == rule


def test_a_job_that_a_quota_counts_twice_is_wrong() -> None:
    twice = rules_of_quotas(quota((UID, "0.6"), (UID, "0.6")))
    assert twice == {"a quota counts each job once"}


def test_a_sum_that_falls_is_wrong() -> None:
    lost = rules_of_quotas(quota((UID, "0.6")), quota(deleted="0.2"))
    assert lost == {"what a quota counts never falls"}


def test_a_job_that_ended_in_an_earlier_period_may_be_forgotten() -> None:
    november, december = quota((UID, "0.6")), quota(since="2026-12-01T00:00:00Z")
    job = [dpojob(60.0, "0.60")]
    assert not rules_of_quotas(november, december, job=job)
    wrong = quota((UID, "0.2"), since="2026-12-01T00:00:00Z")
    assert rules_of_quotas(november, wrong, job=job) == {"a quota holds what each job has cost"}


def test_a_job_that_ended_in_the_new_period_may_not_be_forgotten() -> None:
    november, later = quota((UID, "0.6")), quota(since="2026-11-23T00:00:00Z", period="Week")
    rules = rules_of_quotas(november, later, job=[dpojob(60.0, "0.60")])
    assert rules == {"a quota holds what each job has cost"}


@pytest.mark.parametrize(
    ("since", "period"),
    [
        ("2026-11-14T10:00:00Z", "Day"),
        ("2026-11-30T00:00:00Z", "Month"),
        ("2026-12-01T00:00:00Z", "Week"),
        ("2026-10-01T00:00:00Z", "Month"),
        (None, "Month"),
    ],
)
def test_a_record_that_begins_anew_within_its_period_is_wrong(
    since: str | None, period: str
) -> None:
    rules = rules_of_quotas(quota((UID, "0.6")), quota(since=since, period=period))
    assert rules == {"a quota's record begins anew only with its period"}
