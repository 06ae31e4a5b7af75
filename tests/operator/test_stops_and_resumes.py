"""Training that stops before its end: suspended, over budget, interrupted, moved to another node."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.kit.clock_override import Clock
from tests.kit.operator_fixture import REPORT, Process, World, pool

pytestmark = pytest.mark.cluster
HOUR = 3600


def test_suspend_stops_and_resume_begins_the_next_attempt(world: World, operator: Process) -> None:
    world.job("paused")
    world.inspected("paused")
    world.pod("paused", "train", 1)
    world.suspend("paused", True)
    world.until(
        "the first attempt is over",
        lambda: (world.status("paused")["attempts"][0]).get("endTime"),
    )
    assert world.condition("paused", "Suspended")[:2] == ("True", "SuspendedByUser")
    assert world.status("paused")["phase"] == "Suspended"
    assert world.list("jobs", job="paused", stage="train") == []
    world.suspend("paused", False)
    world.trained("paused", attempt=2, resumedFrom=50)
    world.until_condition("paused", "Complete", "Completed")
    status = world.status("paused")
    assert [a["outcome"] for a in status["attempts"]] == ["Suspended", "Succeeded"]
    assert status["attempts"][1]["firstStep"] == 50
    assert world.condition("paused", "Suspended")[:2] == ("False", "Resumed")


def test_a_job_suspended_from_the_start_creates_nothing(world: World, operator: Process) -> None:
    world.job("later", suspend=True)
    world.until_condition("later", "Suspended", "SuspendedByUser")
    assert world.list("jobs", job="later") == []
    world.suspend("later", False)
    world.inspected("later")
    world.pod("later", "train", 1)


@pytest.mark.parametrize("settings", [{"RESYNC_SECONDS": "1"}])
def test_the_budget_stops_a_running_job_and_the_time_to_live_ends_it(
    world: World, operator: Process, clock: Clock
) -> None:
    world.job("dear", budget={"maxDuration": "6h"}, ttlSecondsAfterFinished=86400)
    world.inspected("dear")
    world.until("it trains", lambda: world.condition("dear", "Training")[0] == "True")
    clock.forward(5 * HOUR)
    world.until(
        "five hours are paid",
        lambda: float(world.status("dear")["cost"]["soFar"]) >= 5 * HOUR,
    )
    assert not world.condition("dear", "Failed")[0]
    clock.forward(HOUR)
    message = world.until_condition("dear", "Failed", "BudgetExceeded")
    assert "budget.maxDuration is 6h" in message
    world.until("the Job is gone", lambda: not world.list("jobs", job="dear", stage="train"))
    status = world.status("dear")
    assert float(status["cost"]["soFar"]) >= 6 * HOUR
    assert status["attempts"][0]["endTime"]
    clock.forward(25 * HOUR)
    world.until("the DPOJob is gone", lambda: world.get("dpojob", "dear") is None)
    assert world.get("pvc", "dear-output") is not None


def test_suspend_and_resume_at_every_stage_before_training(world: World, operator: Process) -> None:
    nowhere = {"test": "nowhere"}
    world.job("base")
    world.job("next", model={"fromJob": {"name": "base"}})
    world.until_condition("next", "DatasetValid", "WaitingForJob")
    world.suspend("next", True)
    world.until("phase Suspended", lambda: world.status("next")["phase"] == "Suspended")
    world.inspected("base")
    world.trained("base")
    world.until_condition("base", "Complete", "Completed")
    assert world.list("jobs", job="next") == []

    world.suspend("next", False)
    world.until("the model is known", lambda: world.status("next").get("dependency"))
    inspects = world.pod("next", "inspect")
    world.suspend("next", True)
    world.until_condition("next", "Suspended", "SuspendedByUser")
    world.end_pod(inspects, 0, REPORT)
    world.until("the verdict is kept", lambda: world.status("next").get("dataset"))
    world.until("phase Suspended", lambda: world.status("next")["phase"] == "Suspended")
    assert world.list("jobs", job="next", stage="train") == []

    world.apply(pool(world.namespace, world.namespace, nodeSelector=nowhere))
    world.suspend("next", False)
    world.until_condition("next", "Training", "Queued")
    world.suspend("next", True)
    world.until("it is withdrawn", lambda: not world.list("jobs", job="next", stage="train"))
    world.apply(pool(world.namespace, world.namespace))
    world.suspend("next", False)
    world.trained("next", attempt=2)
    world.until_condition("next", "Complete", "Completed")
    assert len(world.list("jobs", job="next", stage="inspect")) == 1


def test_pods_of_an_evicted_or_lost_node_are_replaced_without_counting_as_failures(
    world: World, operator: Process
) -> None:
    node = f"node-{world.namespace}"
    world.job("moved", backoffLimit=0)
    world.inspected("moved")
    first = world.pod("moved", "train")
    name = first["metadata"]["name"]
    eviction = {
        "apiVersion": "policy/v1",
        "kind": "Eviction",
        "metadata": {"name": name, "namespace": world.namespace},
    }
    path = f"/api/v1/namespaces/{world.namespace}/pods/{name}/eviction"
    world.kubectl("create", "--raw", path, "-f", "-", input=json.dumps(eviction))

    def another(than: set[str]) -> dict[str, Any]:
        def found() -> dict[str, Any] | None:
            pod = world.pod("moved", "train")
            gone = pod["metadata"]["uid"] in than or "deletionTimestamp" in pod["metadata"]
            return None if gone else pod

        return dict(world.until("another pod", found))

    second = another({first["metadata"]["uid"]})
    # As the node controller does it with a node that it has lost.
    world.kubectl("taint", "node", node, "lost=yes:NoExecute")
    world.until_condition("moved", "Training", "Queued")
    world.kubectl("taint", "node", node, "lost-")
    another({first["metadata"]["uid"], second["metadata"]["uid"]})
    world.trained("moved", resumedFrom=9)
    world.until_condition("moved", "Complete", "Completed")
    (attempt,) = world.status("moved")["attempts"]
    assert (attempt["number"], attempt["firstStep"]) == (1, 9)


def test_an_interrupted_pod_is_replaced_without_counting_as_a_failure(
    world: World, operator: Process
) -> None:
    world.job("evicted", backoffLimit=0)
    world.inspected("evicted")
    first = world.pod("evicted", "train")
    message = {
        "outcome": "Interrupted",
        "reason": "Resumed",
        "progress": {"step": 5, "maxSteps": 9},
    }
    world.end_pod(first, 12, message)

    def replaced() -> dict[str, Any] | None:
        pod = world.pod("evicted", "train")
        return None if pod["metadata"]["uid"] == first["metadata"]["uid"] else pod

    world.end_pod(world.until("another pod", replaced), 0, REPORT and {
        "outcome": "Succeeded", "reason": "Completed", "message": "Done.",
        "progress": {"step": 9, "maxSteps": 9, "resumedFrom": 5},
    })  # fmt: skip
    world.until_condition("evicted", "Complete", "Completed")
    assert len(world.status("evicted")["attempts"]) == 1
