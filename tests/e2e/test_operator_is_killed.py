"""Killing the operator at each stage of a job changes nothing about its end."""

import json

import pytest
from tests.kit.waiting import wait_until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(3600)]


@pytest.fixture
def no_gpu(installed):
    """The node offers no GPU: a training pod waits, so that no job can end before the test allows it."""
    installed.offer_gpus(0)
    yield
    installed.offer_gpus(1)


def kill_operator(installed):
    installed.kubectl(
        "delete", "pod", "-n", installed.demo.SYSTEM, "-l", "app.kubernetes.io/name=dpojob-operator",
        "--grace-period=0", "--force",
    )  # fmt: skip


def test_the_job_completes_all_the_same(installed, inputs, quickstart, no_gpu):
    namespace, _ = inputs
    quickstart["metadata"]["name"] = "survivor"
    quickstart["spec"]["hardware"] = {"pool": installed.demo.POOL}

    def status():
        return installed.job(namespace, "survivor").get("status", {})

    def training_jobs():
        uid = installed.job(namespace, "survivor")["metadata"]["uid"]
        found = installed.training_jobs(namespace)
        return [item for item in found if item["metadata"]["labels"]["dpojob.dev/uid"] == uid]

    installed.kubectl("apply", "-n", namespace, "-f", "-", input=json.dumps(quickstart))
    kill_operator(installed)
    wait_until(lambda: status().get("phase"), "the operator has begun with the job", 300)
    kill_operator(installed)
    wait_until(training_jobs, "the training Job exists", 600)
    kill_operator(installed)
    assert status().get("phase") not in ("Complete", "Failed"), status()

    installed.offer_gpus(1)
    wait_until(
        lambda: (
            (status().get("progress") or {}).get("step")
            or status()["phase"] in ("Complete", "Failed")
        ),
        "the training has taken a step",
        900,
    )
    kill_operator(installed)
    job = installed.finish(namespace, "survivor")
    assert job["status"]["phase"] == "Complete", job["status"]
    assert job["status"]["progress"]["evalAccuracy"] > 0.7
    assert len(training_jobs()) == 1
    assert len(job["status"]["attempts"]) == 1
