"""The node's disk is full: where a pod of inspection starts, while a pod trains, and where the model is written."""

import contextlib
import json
import subprocess

import pytest
from tests.kit.e2e.dpojobs import apply
from tests.kit.waiting import wait_until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(3600)]
PVC = """
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: small}
spec:
  accessModes: [ReadWriteOnce]
  resources: {requests: {storage: 1Gi}}
"""


class SmallFileSystem:
    """A file system in memory over a directory of the node."""

    def __init__(self, directory):
        self.directory = directory

    def mount(self, *options):
        directory = str(self.directory)
        subprocess.run(
            ["mount", "-t", "tmpfs", "-o", ",".join(options), "tmpfs", directory], check=True
        )

    def unmount(self):
        # Lazily: containerd keeps the logs of pods open that began meanwhile.
        subprocess.run(["umount", "--lazy", str(self.directory)], check=True)


@contextlib.contextmanager
def small_file_system(directory, *options):
    mounted = SmallFileSystem(directory)
    mounted.mount("mode=777", *options)
    try:
        yield mounted
    finally:
        mounted.unmount()


def make_room(mounted):
    mounted.mount("remount", "size=64m", "nr_inodes=10k")


@pytest.fixture
def pod_logs(native):
    """The directory on the node's disk to which the logs of all pods are written."""
    return native.state.directory / "nodes/node-0/pod-logs"


def test_an_inspection_begins_when_the_node_has_room_again(installed, inputs, quickstart, pod_logs):
    namespace, _ = inputs
    events = ("get", "events", "-n", namespace, "-o", "jsonpath={.items[*].message}")
    with small_file_system(pod_logs, "nr_inodes=1") as disk:
        apply(installed, namespace, quickstart, "no-room", validateOnly=True)
        wait_until(
            lambda: "no space left on device" in installed.kubectl(*events),
            "the kubelet cannot start the pod",
            120,
        )
        assert installed.job(namespace, "no-room")["status"]["phase"] == "Inspecting"
        make_room(disk)
        job = installed.finish(namespace, "no-room")
    assert job["status"]["phase"] == "Complete", job["status"]
    jobs = json.loads(installed.kubectl("get", "jobs", "-n", namespace, "-o", "json"))["items"]
    uid = job["metadata"]["uid"]
    (inspection,) = (j for j in jobs if j["metadata"]["labels"]["dpojob.dev/uid"] == uid)
    assert "failed" not in inspection["status"], "the pod waited, and was not replaced"


@pytest.mark.chaos
def test_a_training_whose_log_the_node_cannot_hold_goes_on(installed, inputs, quickstart, pod_logs):
    namespace, _ = inputs
    with small_file_system(pod_logs, "size=8k"):
        apply(installed, namespace, quickstart, "no-log")
        job = installed.finish(namespace, "no-log")
        (full,) = {
            path.stat().st_size for path in pod_logs.glob(f"{namespace}_no-log-train*/train/*")
        }
    assert full <= 8192, "the log is cut where the disk ended"
    assert job["status"]["phase"] == "Complete", job["status"]
    assert len(job["status"]["attempts"]) == 1
    assert job["status"]["progress"]["evalAccuracy"] > 0.7


@pytest.mark.chaos
def test_a_full_output_ends_the_job_and_the_next_one_completes_in_the_same_directory(
    installed, inputs, quickstart, native
):
    namespace, directory = inputs
    output = {"volume": {"claimName": "small", "path": "tuned"}}
    installed.kubectl("apply", "-n", namespace, "-f", "-", input=PVC)
    path = "jsonpath={.status.phase}"
    claim = ("get", "pvc", "small", "-n", namespace, "-o", path)
    wait_until(lambda: installed.kubectl(*claim) == "Bound", "the claim is bound")
    weights = (directory / "model/model.safetensors").stat().st_size
    volume = installed.claim_directory(namespace, "small")
    with small_file_system(volume, f"size={weights // 2048}k") as disk:
        apply(installed, namespace, quickstart, "full", output=output)
        job = installed.finish(namespace, "full")
        failed = next(c for c in job["status"]["conditions"] if c["type"] == "Failed")
        assert failed["reason"] == "DiskFull", failed
        assert len(job["status"]["attempts"]) == 1, "a full disk is no reason to try again"
        make_room(disk)
        apply(installed, namespace, quickstart, "full-again", output=output)
        job = installed.finish(namespace, "full-again")
        assert job["status"]["phase"] == "Complete", job["status"]
        assert (volume / "tuned/model.safetensors").stat().st_size >= weights
