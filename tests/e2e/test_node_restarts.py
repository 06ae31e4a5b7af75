"""The node's kubelet, its containerd, and the whole node are killed during training, and started again."""

import json
import os
import signal
from pathlib import Path

import pytest
from tests.kit.waiting import wait_until

from devcluster.state import FULL

pytestmark = [pytest.mark.e2e, pytest.mark.chaos, pytest.mark.timeout(3600)]
EPOCHS = 3
"""So many that the training is under way for longer than it takes to see its first step and to interrupt it."""


def kill(cluster, *daemons):
    """Kills daemons of the node."""
    names = [n for n in cluster.daemons.names() if n.startswith(daemons)]
    assert len(names) == len(daemons), names
    for name in names:
        os.kill(cluster.daemons.pid(name), signal.SIGKILL)
    for name in names:
        wait_until(lambda name=name: cluster.daemons.pid(name) is None, f"{name} is gone")


def kill_pod_processes():
    """Kills the processes of all pods, as the end of the node's kernel would."""
    for group in Path("/proc").glob("[0-9]*/cgroup"):
        try:
            if "/kubepods" in group.read_text():
                os.kill(int(group.parent.name), signal.SIGKILL)
        except (FileNotFoundError, ProcessLookupError):
            continue  # it has ended meanwhile


def train_over(installed, inputs, quickstart, name, interrupt):
    """Calls `interrupt` once the job has trained a step; returns the DPOJob and its training Job in the end."""
    namespace, _ = inputs
    manifest = {**quickstart, "metadata": {"name": name}}
    manifest["spec"]["training"]["epochs"] = EPOCHS
    installed.kubectl("apply", "-n", namespace, "-f", "-", input=json.dumps(manifest))

    def steps():
        return (installed.job(namespace, name).get("status", {}).get("progress") or {}).get("step")

    wait_until(steps, "the training has taken a step", 900)
    interrupt()
    installed.cluster.up(FULL, 1)
    job = installed.finish(namespace, name)
    assert job["status"]["phase"] == "Complete", job["status"]
    assert len(job["status"]["attempts"]) == 1
    (training,) = (
        found
        for found in installed.training_jobs(namespace)
        if found["metadata"]["labels"]["dpojob.dev/uid"] == job["metadata"]["uid"]
    )
    assert training["status"]["succeeded"] == 1
    return job, training


@pytest.mark.parametrize("daemon", ["kubelet", "containerd"])
def test_a_pod_trains_on_while_a_daemon_of_its_node_is_away(
    installed, inputs, quickstart, native, daemon
):
    def interrupt():
        kill(native, daemon)

    _, training = train_over(installed, inputs, quickstart, f"over-{daemon}", interrupt)
    assert not training["status"].get("failed")


def test_a_training_goes_on_in_another_pod_after_a_restart_of_the_node(
    installed, inputs, quickstart, native
):
    def interrupt():
        kill(native, "kubelet", "containerd")
        kill_pod_processes()

    job, training = train_over(installed, inputs, quickstart, "over-node", interrupt)
    assert training["status"]["failed"] == 1
    assert job["status"]["progress"]["evalAccuracy"] > 0.7
