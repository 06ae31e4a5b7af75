"""This version takes over, on a real API server, jobs whose statuses the first version wrote."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.kit.api.paths import DPOJOBS
from tests.kit.builders import UID
from tests.kit.operator.recorded_jobs import RECORDED
from tests.kit.operator_fixture import JobNamespace, Process
from tests.kit.waiting import LIMIT

from devcluster.control_plane import Api
from dpojob_operator.decide.child_names import uid_hash

pytestmark = pytest.mark.cluster
TUNED = {"volume": {"claimName": "models", "path": "tuned"}}
ENDED = ("complete", "failed-at-inspection", "failed-in-training")
BEGUN = ("inspecting", "suspended-in-training", "training", "being-suspended", "queued")
"""In this order the last finds both GPUs of the pool in use."""


def jobs_of(job_namespace: JobNamespace, name: str) -> list[str]:
    return sorted(job["metadata"]["uid"] for job in job_namespace.list("jobs", job=name))


def bring_to(job_namespace: JobNamespace, phase: str) -> None:
    """A job named after its phase, with the children that it has in that phase."""
    name, output = phase, {"output": TUNED} if phase == "training" else {}
    job_namespace.job(name, **output)
    if phase == "inspecting":
        job_namespace.pod(name, "inspect")
        return
    if phase == "failed-at-inspection":
        job_namespace.inspected(name, {"valid": False, "reason": "DatasetInvalid"}, exit_code=1)
        job_namespace.until_condition(name, "Failed", "DatasetInvalid")
        return
    job_namespace.inspected(name)
    if phase == "queued":
        job_namespace.until(
            "it has a Job", lambda: job_namespace.list("jobs", job=name, stage="train")
        )
        return
    job_namespace.pod(name, "train")
    if phase == "complete":
        job_namespace.trained(name)
        job_namespace.until_condition(name, "Complete", "Completed")
    elif phase == "failed-in-training":
        job_namespace.end_pod(job_namespace.pod(name, "train"), 11, {
            "outcome": "Failed", "reason": "OutOfMemory", "message": "No room."
        })  # fmt: skip
        job_namespace.until_condition(name, "Failed", "OutOfMemory")
    elif phase == "suspended-in-training":
        job_namespace.suspend(name, True)
        job_namespace.until(
            "it is stopped", lambda: job_namespace.list("jobs", job=name, stage="train") == []
        )


def write_recorded(job_namespace: JobNamespace, phase: str) -> None:
    """Gives the job the recorded status of its phase, with the names and UIDs of its own children."""
    raw = job_namespace.get("dpojob", phase)
    assert raw is not None
    text = json.dumps(RECORDED[phase].status)
    for job in job_namespace.list("jobs", job=phase):
        stage = "inspect" if "-inspect-" in job["metadata"]["name"] else "train"
        suffix = "" if stage == "inspect" else "-1"
        recorded = f"x-{stage}-{uid_hash(UID)}{suffix}"
        text = text.replace(f'"uid-of-{recorded}"', f'"{job["metadata"]["uid"]}"')
    for stage in ("inspect", "train"):
        recorded = f"-{stage}-{uid_hash(UID)}"
        text = text.replace(f"x{recorded}", f"{phase}-{stage}-{uid_hash(raw['metadata']['uid'])}")
    text = text.replace("x-output", f"{phase}-output")
    status = json.loads(text)
    for attempt in status["attempts"]:
        attempt["pool"] = job_namespace.namespace
        # The recorded pod is of another time and of another name.
        attempt |= {"podSeconds": {}, "gpuSeconds": 0}
        attempt.pop("startTime", None)
    if "plan" in status:
        status["plan"]["pool"] = job_namespace.namespace
    if phase == "training":
        status["artifacts"] = raw["status"].get("artifacts")
    api = Api.from_kubeconfig(job_namespace.cluster.kubeconfig, timeout=LIMIT)
    path = f"{DPOJOBS.format(job_namespace.namespace)}/{phase}/status"
    api.call("PUT", path, {**raw, "status": status})


def test_jobs_in_every_phase_are_taken_over_and_nothing_is_done_twice(
    job_namespace: JobNamespace, operator: Process
) -> None:
    job_namespace.apply(claim())
    for phase in (*ENDED, *BEGUN):
        bring_to(job_namespace, phase)
    operator.stop()
    job_namespace.suspend("being-suspended", True)
    for phase in (*ENDED, *BEGUN):
        write_recorded(job_namespace, phase)
    before = {phase: jobs_of(job_namespace, phase) for phase in (*ENDED, *BEGUN)}
    finished = {phase: job_namespace.status(phase) for phase in ENDED}
    operator.start()
    job_namespace.job("rival", output=TUNED)
    message = job_namespace.until_condition("rival", "Failed", "OutputOccupied")
    assert "DPOJob training" in message
    job_namespace.until(
        "the suspended job's training is gone",
        lambda: job_namespace.list("jobs", job="being-suspended", stage="train") == [],
    )
    job_namespace.inspected("inspecting")
    for name in ("training", "queued", "inspecting"):  # there are two GPUs
        job_namespace.trained(name)
        job_namespace.until_condition(name, "Complete", "Completed")
        assert [attempt["number"] for attempt in job_namespace.status(name)["attempts"]] == [1]
    for name in ("queued", "training", "suspended-in-training"):
        assert jobs_of(job_namespace, name) == before[name]
    assert set(before["inspecting"]) < set(jobs_of(job_namespace, "inspecting"))
    job_namespace.suspend("suspended-in-training", False)
    job_namespace.trained("suspended-in-training", attempt=2)
    job_namespace.until_condition("suspended-in-training", "Complete", "Completed")
    for phase in ENDED:
        assert jobs_of(job_namespace, phase) == before[phase]
        assert without_times(job_namespace.status(phase)) == without_times(finished[phase])


def without_times(status: dict[str, Any]) -> dict[str, Any]:
    """What must stay of a finished job's status: all but the generation that was observed."""
    return {name: value for name, value in status.items() if name != "observedGeneration"}


def claim() -> dict[str, Any]:
    spec = {"accessModes": ["ReadWriteMany"], "resources": {"requests": {"storage": "1Gi"}}}
    metadata = {"name": "models"}
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": metadata, "spec": spec}
