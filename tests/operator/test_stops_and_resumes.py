"""Training that stops before its end: suspended, over budget, interrupted, moved to another node."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.kit.cluster.clock_override import Clock
from tests.kit.operator_fixture import REPORT, JobNamespace, Process, pool

pytestmark = pytest.mark.cluster
HOUR = 3600


def assert_creates_nothing(job_namespace: JobNamespace, name: str, **labels: str) -> None:
    """No Job with the labels exists, nor did a pass make one that has seen everything up to now.

    A pass writes the status before it creates Jobs, and passes of one job follow each other: when the second of two
    edits is observed, the pass over the first, which began after this call, is over.
    """
    assert job_namespace.list("jobs", job=name, **labels) == []
    for seconds in (1001, 1002):
        patch = {"spec": {"ttlSecondsAfterFinished": seconds}}
        job_namespace.kubectl("patch", "dpojob", name, "--type=merge", "-p", json.dumps(patch))
        job_namespace.until("the edit is observed", lambda: is_observed(job_namespace, name))
    assert job_namespace.list("jobs", job=name, **labels) == []


def is_observed(job_namespace: JobNamespace, name: str) -> bool:
    job = job_namespace.get("dpojob", name)
    assert job is not None
    return bool(job["status"].get("observedGeneration") == job["metadata"]["generation"])


def test_suspend_stops_and_resume_begins_the_next_attempt(
    job_namespace: JobNamespace, operator: Process
) -> None:
    job_namespace.job("paused")
    job_namespace.inspected("paused")
    job_namespace.pod("paused", "train", 1)
    job_namespace.suspend("paused", True)
    job_namespace.until(
        "the first attempt is over",
        lambda: (job_namespace.status("paused")["attempts"][0]).get("endTime"),
    )
    assert job_namespace.condition("paused", "Suspended")[:2] == ("True", "SuspendedByUser")
    assert job_namespace.status("paused")["phase"] == "Suspended"
    assert_creates_nothing(job_namespace, "paused", stage="train")
    job_namespace.suspend("paused", False)
    job_namespace.trained("paused", attempt=2, resumedFrom=50)
    job_namespace.until_condition("paused", "Complete", "Completed")
    status = job_namespace.status("paused")
    assert [a["outcome"] for a in status["attempts"]] == ["Suspended", "Succeeded"]
    assert status["attempts"][1]["firstStep"] == 50
    assert job_namespace.condition("paused", "Suspended")[:2] == ("False", "Resumed")


def test_a_job_suspended_from_the_start_creates_nothing(
    job_namespace: JobNamespace, operator: Process
) -> None:
    job_namespace.job("later", suspend=True)
    job_namespace.until_condition("later", "Suspended", "SuspendedByUser")
    assert_creates_nothing(job_namespace, "later")
    job_namespace.suspend("later", False)
    job_namespace.inspected("later")
    job_namespace.pod("later", "train", 1)


@pytest.mark.parametrize("settings", [{"RESYNC_SECONDS": "1"}])
def test_the_budget_stops_a_running_job_and_the_time_to_live_ends_it(
    job_namespace: JobNamespace, operator: Process, clock: Clock
) -> None:
    job_namespace.job("dear", budget={"maxDuration": "6h"}, ttlSecondsAfterFinished=86400)
    job_namespace.inspected("dear")
    job_namespace.until(
        "it trains", lambda: job_namespace.condition("dear", "Training")[0] == "True"
    )
    clock.forward(5 * HOUR)
    job_namespace.until(
        "five hours are paid",
        lambda: float(job_namespace.status("dear")["cost"]["soFar"]) >= 5 * HOUR,
    )
    assert not job_namespace.condition("dear", "Failed")[0]
    clock.forward(HOUR)
    message = job_namespace.until_condition("dear", "Failed", "BudgetExceeded")
    assert "budget.maxDuration is 6h" in message
    job_namespace.until(
        "the Job is gone", lambda: not job_namespace.list("jobs", job="dear", stage="train")
    )
    status = job_namespace.status("dear")
    assert float(status["cost"]["soFar"]) >= 6 * HOUR
    assert status["attempts"][0]["endTime"]
    clock.forward(25 * HOUR)
    job_namespace.until("the DPOJob is gone", lambda: job_namespace.get("dpojob", "dear") is None)
    assert job_namespace.get("pvc", "dear-output") is not None


def test_suspend_and_resume_at_every_stage_before_training(
    job_namespace: JobNamespace, operator: Process
) -> None:
    nowhere = {"test": "nowhere"}
    job_namespace.job("base")
    job_namespace.job("next", model={"fromJob": {"name": "base"}})
    job_namespace.until_condition("next", "DatasetValid", "WaitingForJob")
    job_namespace.suspend("next", True)
    job_namespace.until(
        "phase Suspended", lambda: job_namespace.status("next")["phase"] == "Suspended"
    )
    job_namespace.inspected("base")
    job_namespace.trained("base")
    job_namespace.until_condition("base", "Complete", "Completed")
    assert_creates_nothing(job_namespace, "next")

    job_namespace.suspend("next", False)
    job_namespace.until(
        "the model is known", lambda: job_namespace.status("next").get("dependency")
    )
    inspects = job_namespace.pod("next", "inspect")
    job_namespace.suspend("next", True)
    job_namespace.until_condition("next", "Suspended", "SuspendedByUser")
    job_namespace.end_pod(inspects, 0, REPORT)
    job_namespace.until("the report is kept", lambda: job_namespace.status("next").get("dataset"))
    job_namespace.until(
        "phase Suspended", lambda: job_namespace.status("next")["phase"] == "Suspended"
    )
    assert_creates_nothing(job_namespace, "next", stage="train")

    job_namespace.apply(
        pool(job_namespace.namespace, job_namespace.namespace, nodeSelector=nowhere)
    )
    job_namespace.suspend("next", False)
    job_namespace.until_condition("next", "Training", "NoNodeFits")
    job_namespace.suspend("next", True)
    job_namespace.until(
        "it is withdrawn", lambda: not job_namespace.list("jobs", job="next", stage="train")
    )
    job_namespace.apply(pool(job_namespace.namespace, job_namespace.namespace))
    job_namespace.suspend("next", False)
    job_namespace.trained("next", attempt=2)
    job_namespace.until_condition("next", "Complete", "Completed")
    assert len(job_namespace.list("jobs", job="next", stage="inspect")) == 1


def test_pods_of_an_evicted_or_lost_node_are_replaced_without_counting_as_failures(
    job_namespace: JobNamespace, operator: Process
) -> None:
    node = f"node-{job_namespace.namespace}"
    job_namespace.job("moved", backoffLimit=0)
    job_namespace.inspected("moved")
    first = job_namespace.pod("moved", "train")
    name = first["metadata"]["name"]
    eviction = {
        "apiVersion": "policy/v1",
        "kind": "Eviction",
        "metadata": {"name": name, "namespace": job_namespace.namespace},
    }
    path = f"/api/v1/namespaces/{job_namespace.namespace}/pods/{name}/eviction"
    job_namespace.kubectl("create", "--raw", path, "-f", "-", input=json.dumps(eviction))

    def another(than: set[str]) -> dict[str, Any]:
        def found() -> dict[str, Any] | None:
            pod = job_namespace.pod("moved", "train")
            gone = pod["metadata"]["uid"] in than or "deletionTimestamp" in pod["metadata"]
            return None if gone else pod

        return dict(job_namespace.until("another pod", found))

    second = another({first["metadata"]["uid"]})
    # As the node controller does it with a node that it has lost.
    job_namespace.kubectl("taint", "node", node, "lost=yes:NoExecute")
    job_namespace.until_condition("moved", "Training", "NoNodeFits")
    job_namespace.kubectl("taint", "node", node, "lost-")
    another({first["metadata"]["uid"], second["metadata"]["uid"]})
    job_namespace.trained("moved", resumedFrom=9)
    job_namespace.until_condition("moved", "Complete", "Completed")
    (attempt,) = job_namespace.status("moved")["attempts"]
    assert (attempt["number"], attempt["firstStep"]) == (1, 9)


def test_an_interrupted_pod_is_replaced_without_counting_as_a_failure(
    job_namespace: JobNamespace, operator: Process
) -> None:
    job_namespace.job("evicted", backoffLimit=0)
    job_namespace.inspected("evicted")
    first = job_namespace.pod("evicted", "train")
    message = {
        "outcome": "Interrupted",
        "reason": "Resumed",
        "progress": {"step": 5, "maxSteps": 9},
    }
    job_namespace.end_pod(first, 12, message)

    def replaced() -> dict[str, Any] | None:
        pod = job_namespace.pod("evicted", "train")
        return None if pod["metadata"]["uid"] == first["metadata"]["uid"] else pod

    job_namespace.end_pod(job_namespace.until("another pod", replaced), 0, REPORT and {
        "outcome": "Succeeded", "reason": "Completed", "message": "Done.",
        "progress": {"step": 9, "maxSteps": 9, "resumedFrom": 5},
    })  # fmt: skip
    job_namespace.until_condition("evicted", "Complete", "Completed")
    assert len(job_namespace.status("evicted")["attempts"]) == 1
