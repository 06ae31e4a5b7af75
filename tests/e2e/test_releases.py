"""Install, upgrade, rollback and uninstall by Helm on the real node, while a job trains.

The operator and the containers of the last release run from its own sources, those of this one from its images.
"""

import json

import pytest
from tests.kit.cluster.helm import CHART
from tests.kit.e2e.held_job import PROMPTS, VALUES, HeldJob
from tests.kit.last_release import images as last_release_images
from tests.kit.last_release import sources as last_release_sources
from tests.kit.repository import ROOT
from tests.kit.waiting import wait_until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(3600)]


class Releases:
    """The release `dpojob` of the demo, with the chart and the images of two versions."""

    def __init__(self, installed, sources, values):
        self._kubectl, self._demo = installed.kubectl, installed.demo
        self._sources, self._last_values = sources, values
        pool = json.loads(self._kubectl("get", "gpupool", self._demo.POOL, "-o", "json"))
        self._common = {
            "pools": [{"name": self._demo.POOL, "spec": pool["spec"]}],
            **VALUES,
        }

    def helm(self, *arguments, values=None):
        from cluster_tools import run

        command = (*self._demo.helm(), *arguments, "--namespace", self._demo.SYSTEM)
        return run(*command, input=json.dumps(values))

    def _apply(self, chart, values):
        self.helm(
            "upgrade", "--install", "dpojob", str(chart), "--take-ownership", "--wait", "--timeout=5m",
            "--values", str(ROOT / "examples/demo-values.yaml"), "--values", "-",
            values={**self._common, **values},
        )  # fmt: skip

    def install_last(self):
        """With its CRDs, as its chart brings them: no release owns them. Jobs of the cluster stay."""
        chart = self._sources / "charts/dpojob"
        self._kubectl("replace", "-f", str(chart / "crds"))
        # The API server exchanges what serves a replaced CRD.
        wait_until(
            lambda: self._kubectl.attempt("get", "dpojobs,gpupools", "-A").returncode == 0,
            "the API server serves the CRDs",
        )
        self._apply(chart, self._last_values)

    def apply_this(self):
        import images

        self._apply(CHART, json.loads(images.chart_values()))

    def operator_images(self):
        """The images of the operator's pods that are not being deleted."""
        listed = json.loads(
            self._kubectl(
                "get", "pods", "-n", self._demo.SYSTEM, "-o", "json",
                "-l", "app.kubernetes.io/name=dpojob-operator",
            )
        )["items"]  # fmt: skip
        return [
            pod["spec"]["containers"][0]["image"]
            for pod in listed
            if "deletionTimestamp" not in pod["metadata"]
        ]


@pytest.fixture
def releases(installed, native, tmp_path):
    """Without a release at first; at the end the demo's is installed again."""
    commit = last_release_sources.unpack(tmp_path)
    made = Releases(installed, tmp_path, last_release_images.load(tmp_path, commit))
    made.helm("uninstall", "dpojob", "--wait")
    installed.kubectl("delete", "gpupools", "--all")
    yield made
    installed.demo.install()
    installed.demo.add_fake_gpu(installed.kubectl)


class Watched(HeldJob):
    """The job, and what of its training pod a restart would change."""

    def running(self):
        """UID, phase and restarts of the pod."""
        pod = self.pod()
        (container,) = pod["status"]["containerStatuses"]
        return pod["metadata"]["uid"], pod["status"]["phase"], container["restartCount"]

    def seen_by_the_operator(self):
        """An edit that is allowed at any time shows that the operator of the moment passes over the job."""
        job = self.read()
        expiry = job["spec"].get("ttlSecondsAfterFinished", 10**6) + 1
        self.kubectl(
            "patch", "dpojob", self.name, "-n", self.namespace, "--type=merge",
            "-p", json.dumps({"spec": {"ttlSecondsAfterFinished": expiry}}),
        )  # fmt: skip

        def observed():
            job = self.read()
            return job["status"]["observedGeneration"] == job["metadata"]["generation"]

        wait_until(observed, "the operator passes over the job", 300)


def test_a_job_trains_on_through_every_step_and_completes_without_an_operator(
    installed, inputs, quickstart, releases
):
    job = Watched(installed, inputs, quickstart, "outlives-helm")

    releases.install_last()
    (last_image,) = releases.operator_images()
    job.create()
    wait_until(lambda: job.step() > 0, "the training takes steps", 600)
    running = job.running()
    assert running[1:] == ("Running", 0)

    releases.apply_this()
    assert releases.operator_images() not in ([last_image], [])
    job.seen_by_the_operator()
    assert job.running() == running, "after the upgrade"

    releases.helm("rollback", "dpojob", "1", "--wait")
    assert releases.operator_images() == [last_image]
    job.seen_by_the_operator()
    assert job.running() == running, "after the rollback"

    releases.apply_this()
    releases.helm("uninstall", "dpojob", "--wait")
    # Helm waits for the objects of the release; the garbage collector deletes the Deployment's pods.
    wait_until(lambda: releases.operator_images() == [], "the operator's pod is gone")
    assert job.running() == running, "after the uninstall"
    assert job.status()["phase"] == "Training"

    job.let_it_end()
    wait_until(lambda: job.running()[1] != "Running", "the training ends", 600)
    assert job.running() == (running[0], "Succeeded", 0)
    assert job.status()["phase"] == "Training", "no operator runs"

    releases.apply_this()
    done = installed.finish(job.namespace, job.name)
    assert done["status"]["phase"] == "Complete", done["status"]
    assert done["status"]["progress"]["step"] == done["status"]["progress"]["maxSteps"]
    assert done["status"]["evaluation"]["prompts"] == PROMPTS
    assert len(done["status"]["attempts"]) == 1
    assert job.running() == (running[0], "Succeeded", 0)
    assert (installed.output(done) / "config.json").exists()
