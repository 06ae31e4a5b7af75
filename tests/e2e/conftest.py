"""The cluster of the demo, with the demo's own code: real kubelet, containerd, images and TRL."""

import json
import shutil
import sys
import time
from pathlib import Path

import pytest
from tests.kit.repository import ROOT
from tests.kit.waiting import TRAINING_LIMIT

from devcluster.cluster import Cluster

sys.path.insert(0, str(ROOT / "hack"))


class Installed:
    """The chart on the real node, with one fake GPU, and functions that read jobs."""

    def __init__(self, cluster):
        import demo
        import images
        from cluster_tools import Kubectl

        self.cluster = cluster
        self.demo = demo
        self.kubectl = Kubectl()
        built = images.ensure()
        self.image = built["inspect"].reference
        demo.install()
        demo.add_fake_gpu(self.kubectl)

    def offer_gpus(self, count):
        """Makes the node report that many GPUs."""
        from cluster_tools import devcluster

        node = self.kubectl("get", "nodes", "-o", "jsonpath={.items[0].metadata.name}")
        devcluster("fake-gpu", node, "--count", str(count))

    def job(self, namespace, name="quickstart"):
        return json.loads(self.kubectl("get", "dpojob", name, "-n", namespace, "-o", "json"))

    def finish(self, namespace, name="quickstart"):
        """Waits for the end, as a user would; returns the DPOJob."""
        self.kubectl(
            "wait", "--for=condition=Finished", f"dpojob/{name}", "-n", namespace,
            f"--timeout={TRAINING_LIMIT:.0f}s",
        )  # fmt: skip
        return self.job(namespace, name)

    def training_jobs(self, namespace):
        found = json.loads(
            self.kubectl(
                "get", "jobs", "-n", namespace, "-l", "dpojob.dev/stage=train", "-o", "json"
            )
        )
        return found["items"]

    def output(self, job):
        """The output directory on this machine."""
        artifacts = job["status"]["artifacts"]
        claim = self.claim_directory(job["metadata"]["namespace"], artifacts["claimName"])
        return claim / (artifacts.get("path") or "")

    def claim_directory(self, namespace, claim):
        """Where a claim's files lie on this machine."""
        from cluster_tools import devcluster

        return Path(devcluster("claim-dir", namespace, claim).strip())


@pytest.fixture(scope="session")
def installed(cluster):
    return Installed(cluster)


@pytest.fixture(scope="session")
def inputs(installed):
    """A namespace under the restricted standard, with the demo's model and pairs on a claim."""
    namespace = f"e2e-{int(time.time())}"
    demo = installed.demo
    demo.put_inputs(installed.kubectl, namespace, installed.image, demo.demo_data())
    yield namespace, installed.claim_directory(namespace, "quickstart")
    installed.kubectl.attempt("delete", "namespace", namespace, "--wait=false")


@pytest.fixture
def native(installed):
    """The cluster whose node is made of processes and directories of this machine."""
    if not isinstance(installed.cluster, Cluster):
        pytest.skip("the node is not this machine")
    return installed.cluster


@pytest.fixture
def quickstart():
    """examples/quickstart.yaml as a dict, to be varied."""
    import yaml

    return yaml.safe_load((ROOT / "examples/quickstart.yaml").read_text())


@pytest.fixture(scope="session")
def scratch():
    directory = Path("/tmp") / f"dpojob-e2e-{int(time.time())}"
    directory.mkdir()
    yield directory
    shutil.rmtree(directory, ignore_errors=True)
