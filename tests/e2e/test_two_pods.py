"""One job over two pods: the curve of one process, also when a worker is lost during the run."""

import json

import pytest
from tests.kit.e2e.dpojobs import apply
from tests.kit.waiting import wait_until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(3600)]
TOLERANCE = 5e-3
"""The largest difference of the loss at a step: two processes add up the same numbers in another order."""


@pytest.fixture
def two_gpus(installed):
    """Makes the node report two GPUs."""
    installed.offer_gpus(2)
    yield
    installed.offer_gpus(1)


def worker(installed, namespace, job, index):
    """The pod of that index that runs now, or None."""
    found = json.loads(
        installed.kubectl(
            "get", "pods", "-n", namespace, "-o", "json",
            "-l", f"dpojob.dev/uid={job['metadata']['uid']},dpojob.dev/stage=train,"
            f"batch.kubernetes.io/job-completion-index={index}",
            "--field-selector=status.phase=Running",
        )
    )["items"]  # fmt: skip
    return next((pod["metadata"]["name"] for pod in found if "deletionTimestamp" not in pod), None)


def losses(installed, job):
    lines = (installed.output(job) / "metrics.jsonl").read_text().splitlines()
    return {r["step"]: r["loss"] for r in map(json.loads, lines) if "loss" in r}


def progress(installed, namespace, name, field):
    return (installed.job(namespace, name).get("status", {}).get("progress") or {}).get(field) or 0


def test_a_lost_worker_restarts_the_set_and_the_curve_is_that_of_one_process(
    installed, inputs, quickstart, two_gpus
):
    namespace, _ = inputs
    hardware = {"pool": installed.demo.POOL, "gpus": 2, "nodes": 2}
    apply(installed, namespace, quickstart, "pair", hardware=hardware)
    wait_until(
        lambda: progress(installed, namespace, "pair", "checkpointStep") > 0, "a checkpoint", 900
    )
    job = installed.job(namespace, "pair")
    lost = worker(installed, namespace, job, 1)
    installed.kubectl("delete", "pod", lost, "-n", namespace, "--wait=false")

    done = installed.finish(namespace, "pair")
    status = done["status"]
    assert status["phase"] == "Complete", status
    assert status["progress"]["resumedFrom"] > 0
    assert status["progress"]["evalAccuracy"] > 0.7
    assert len(status["attempts"]) == 1
    (batch,) = [
        found
        for found in installed.training_jobs(namespace)
        if found["metadata"]["ownerReferences"][0]["uid"] == done["metadata"]["uid"]
    ]
    assert batch["status"]["succeeded"] == 2
    assert batch["spec"]["completionMode"] == "Indexed"

    apply(installed, namespace, quickstart, "alone")
    alone = installed.finish(namespace, "alone")
    assert alone["status"]["phase"] == "Complete", alone["status"]
    ours, wanted = losses(installed, done), losses(installed, alone)
    # The last step's batch is not full, and accelerate fills it with pairs of the first.
    ours.pop(max(ours)), wanted.pop(max(wanted))
    assert ours == pytest.approx(wanted, abs=TOLERANCE)
