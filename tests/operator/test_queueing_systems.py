"""A queueing system holds, admits and evicts a job's Jobs, as Kueue does; the operator never overrides it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.kit.cluster import fake_kueue
from tests.kit.operator_fixture import JobNamespace, Process, dpojob
from tests.kit.waiting import LIMIT

pytestmark = pytest.mark.cluster


@pytest.fixture
def queue(job_namespace: JobNamespace, tmp_path: Path) -> Any:
    with fake_kueue.webhook(job_namespace, tmp_path):
        yield


def queued(name: str) -> dict[str, Any]:
    manifest = dpojob(name)
    manifest["metadata"]["labels"] = dict(fake_kueue.QUEUE)
    return manifest


def held(job_namespace: JobNamespace, name: str, stage: str = "train") -> dict[str, Any]:
    """The Job of a stage, once its DPOJob reports that the queue holds it and no pod is left."""

    def holds() -> dict[str, Any] | None:
        suspended = job_namespace.condition(name, "Suspended")[:2] == ("True", "SuspendedByQueue")
        jobs = job_namespace.list("jobs", job=name, stage=stage)
        pods = job_namespace.list("pods", job=name, stage=stage)
        return jobs[0] if suspended and jobs and not pods else None

    return dict(job_namespace.until("the queue holds it", holds))


def inspected(job_namespace: JobNamespace, name: str) -> None:
    """Applies a job of the queue, which admits its inspection; that finds nothing wrong."""
    job_namespace.apply(queued(name))
    inspection = held(job_namespace, name, "inspect")["metadata"]["name"]
    job_namespace.patch_job(inspection, fake_kueue.admission())
    job_namespace.inspected(name)


def test_a_job_is_held_admitted_evicted_and_admitted_again(
    job_namespace: JobNamespace, operator: Process, queue: None
) -> None:
    job_namespace.apply(queued("kueued"))
    inspection = held(job_namespace, "kueued", "inspect")["metadata"]["name"]
    assert job_namespace.status("kueued")["phase"] == "Queued"
    assert job_namespace.condition("kueued", "DatasetValid")[:2] == ("Unknown", "SuspendedByQueue")
    job_namespace.patch_job(inspection, fake_kueue.admission())
    pod = job_namespace.pod("kueued", "inspect")
    assert fake_kueue.FLAVOR.items() <= pod["spec"]["nodeSelector"].items()
    job_namespace.until(
        "phase Inspecting", lambda: job_namespace.status("kueued")["phase"] == "Inspecting"
    )
    job_namespace.inspected("kueued")
    job = held(job_namespace, "kueued")["metadata"]["name"]
    job_namespace.until("phase Queued", lambda: job_namespace.status("kueued")["phase"] == "Queued")
    assert job_namespace.condition("kueued", "Training")[:2] == ("False", "SuspendedByQueue")

    job_namespace.patch_job(job, fake_kueue.admission())
    first = job_namespace.pod("kueued", "train", 1)
    assert fake_kueue.FLAVOR.items() <= first["spec"]["nodeSelector"].items()
    job_namespace.until(
        "it trains", lambda: job_namespace.condition("kueued", "Training")[0] == "True"
    )
    assert job_namespace.condition("kueued", "Suspended")[:2] == ("False", "Resumed")

    job_namespace.patch_job(job, fake_kueue.eviction())
    eviction_message = held(job_namespace, "kueued")
    assert eviction_message["spec"]["suspend"], "what the queue decides stays"
    job_namespace.until(
        "phase Suspended", lambda: job_namespace.status("kueued")["phase"] == "Suspended"
    )
    assert job_namespace.condition("kueued", "Training")[0] == "False"
    paid = job_namespace.status("kueued")["attempts"][0]["gpuSeconds"]

    job_namespace.patch_job(job, fake_kueue.template_restoration())
    job_namespace.patch_job(job, fake_kueue.admission())
    job_namespace.trained("kueued", resumedFrom=50)
    job_namespace.until_condition("kueued", "Complete", "Completed")
    (attempt,) = job_namespace.status("kueued")["attempts"]
    assert (attempt["outcome"], attempt["firstStep"]) == ("Succeeded", 50)
    assert attempt["gpuSeconds"] >= paid
    assert (
        job_namespace.list("jobs", job="kueued", stage="train")[0]["metadata"]["uid"]
        == (eviction_message["metadata"]["uid"])
    )


def test_a_job_that_kueue_holds_says_why_by_its_workload(
    job_namespace: JobNamespace, operator: Process, queue: None
) -> None:
    job_namespace.apply(fake_kueue.WORKLOAD_CRD)
    job_namespace.kubectl(
        "wait",
        "--for=condition=Established",
        "crd/workloads.kueue.x-k8s.io",
        f"--timeout={LIMIT:.0f}s",
    )
    inspected(job_namespace, "why")
    job = held(job_namespace, "why")
    text = "couldn't assign flavors to pod set main: insufficient unused quota for nvidia.com/gpu"
    job_namespace.until(
        "the API server serves Workloads", lambda: applied(job_namespace, job, text)
    )
    # An event of any of its objects is followed by a pass; the Workload itself is not watched.
    job_namespace.kubectl("annotate", "job", job["metadata"]["name"], "seen=again")
    job_namespace.until(
        "Kueue's message", lambda: text in job_namespace.condition("why", "Ready")[2]
    )
    assert f"Kueue, queue team (Pending): {text}" in job_namespace.condition("why", "Suspended")[2]
    waits = job_namespace.status("why")["queue"]
    assert waits["since"] and "position" not in waits, "Kueue orders its jobs itself"


def test_edits_of_queue_and_priority_reach_the_job_that_waits_and_are_reported_where_it_runs(
    job_namespace: JobNamespace, operator: Process, queue: None
) -> None:
    inspected(job_namespace, "edited")
    job = held(job_namespace, "edited")["metadata"]["name"]

    def labels() -> dict[str, str]:
        return dict((job_namespace.get("job", job) or {})["metadata"]["labels"])

    wanted = {fake_kueue.QUEUE_LABEL: "other", fake_kueue.PRIORITY_LABEL: "low"}
    edit(job_namespace, "edited", wanted)
    job_namespace.until("both are on the Job", lambda: wanted.items() <= labels().items())

    job_namespace.patch_job(job, fake_kueue.admission())
    job_namespace.pod("edited", "train", 1)
    edit(
        job_namespace,
        "edited",
        {fake_kueue.QUEUE_LABEL: "third", fake_kueue.PRIORITY_LABEL: "high"},
    )
    message = job_namespace.until_condition("edited", "QueueLabelsApplied", "QueueEditNotApplied")
    assert "moves no Job that runs to another queue (third)" in message
    job_namespace.until("the priority", lambda: labels()[fake_kueue.PRIORITY_LABEL] == "high")
    assert labels()[fake_kueue.QUEUE_LABEL] == "other"

    job_namespace.patch_job(job, fake_kueue.eviction())
    job_namespace.until("the queue", lambda: labels()[fake_kueue.QUEUE_LABEL] == "third")
    job_namespace.until_condition("edited", "QueueLabelsApplied", "QueueEditApplied")


def edit(job_namespace: JobNamespace, name: str, labels: dict[str, str]) -> None:
    values = [f"{label}={value}" for label, value in labels.items()]
    job_namespace.kubectl("label", "--overwrite", "dpojob", name, *values)


def applied(job_namespace: JobNamespace, job: dict[str, Any], message: str) -> bool:
    manifest = json.dumps(fake_kueue.pending_workload(job, message))
    done = job_namespace.kubectl("apply", "-f", "-", input=manifest, check=False)
    return "created" in done or "unchanged" in done


def test_a_queued_job_is_suspended_by_its_user(
    job_namespace: JobNamespace, operator: Process, queue: None
) -> None:
    inspected(job_namespace, "both")
    held(job_namespace, "both")
    job_namespace.suspend("both", True)
    job_namespace.until(
        "it is withdrawn", lambda: not job_namespace.list("jobs", job="both", stage="train")
    )
    job_namespace.until(
        "phase Suspended", lambda: job_namespace.status("both")["phase"] == "Suspended"
    )
    job_namespace.suspend("both", False)
    job_namespace.patch_job(held(job_namespace, "both")["metadata"]["name"], fake_kueue.admission())
    job_namespace.trained("both", attempt=2)
    job_namespace.until_condition("both", "Complete", "Completed")
    assert [a["outcome"] for a in job_namespace.status("both")["attempts"]] == [
        "Suspended",
        "Succeeded",
    ]
