"""Killing the operator again and again while a job runs changes nothing about its end."""

import json
import time

import pytest

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1500)]


def test_the_job_completes_all_the_same(installed, inputs, quickstart):
    namespace, _ = inputs
    system = installed.demo.SYSTEM
    quickstart["metadata"]["name"] = "survivor"
    installed.kubectl("apply", "-n", namespace, "-f", "-", input=json.dumps(quickstart))
    kills = 0
    phases = set()
    while True:
        job = installed.job(namespace, "survivor")
        phase = job.get("status", {}).get("phase", "Pending")
        if phase in ("Complete", "Failed"):
            break
        phases.add(phase)
        installed.kubectl(
            "delete", "pod", "-n", system, "-l", "app.kubernetes.io/name=dpojob-operator",
            "--grace-period=0", "--force",
        )  # fmt: skip
        kills += 1
        time.sleep(7)
    assert phase == "Complete", job["status"]
    assert kills >= 3
    assert job["status"]["progress"]["evalAccuracy"] > 0.7
    jobs = [
        found for found in installed.training_jobs(namespace)
        if found["metadata"]["labels"]["dpojob.dev/uid"] == job["metadata"]["uid"]
    ]  # fmt: skip
    assert len(jobs) == 1
    assert len(job["status"]["attempts"]) == 1
