"""What is compared: bare Jobs, and this operator's DPOJobs of a sweep whose inspection is shared."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote

from tests.kit.api_client import DPOJOBS, JOBS
from tests.kit.crds import apply_crds
from tests.kit.operator_fixture import REPORT, JobNamespace

from devcluster.cluster import Cluster
from dpojob_api.constants import LABEL_JOB_NAME, LABEL_STAGE

from .control_plane import ACCOUNTS, account, add_nodes, create, namespace
from .controllers import ROOT, Controller, operator

GPU = "nvidia.com/gpu"
NO_NODE = {"bench": "no-node"}
"""A node selector that no node matches: pods of timed runs exist and wait, as in a sweep that is larger than the
cluster, so that no kubelet and no container takes time."""
COMMITS = {"model": "1" * 40, "dataset": "2" * 40}
CLAIM = "models"


class Candidate(Protocol):
    """One way to run jobs."""

    name: str
    """As the tables show it."""
    pod_label: str
    """Label of pods that holds the job's name."""
    pod_selector: str
    """Label selector of the pods that count."""

    def start(
        self, cluster: Cluster, directory: Path, accounts: str = ACCOUNTS
    ) -> list[Controller]:
        """Installs it, and starts its controllers with service accounts of that namespace."""

    def prepare(self, cluster: Cluster, namespace: str) -> None:
        """Makes a namespace in which jobs can run."""

    def collection(self, namespace: str) -> str:
        """Path of the collection of jobs."""

    def manifest(self, name: str) -> dict[str, Any]:
        """A job."""


def pod_template(labels: dict[str, str] | None = None) -> dict[str, Any]:
    """The pod of a bare Job and of the peer: one container with one GPU."""
    container = {
        "name": "node",
        "image": "train:bench",
        "resources": {"limits": {GPU: "1"}, "requests": {"cpu": "2", "memory": "8Gi", GPU: "1"}},
    }
    spec = {"restartPolicy": "Never", "nodeSelector": NO_NODE, "containers": [container]}
    return {"metadata": {"labels": labels or {}}, "spec": spec}


class BareJobs:
    """batch/v1 Jobs that the user creates: no controller besides Kubernetes' own."""

    name = "bare Jobs"
    pod_label = "batch.kubernetes.io/job-name"
    pod_selector = ""

    def start(
        self, cluster: Cluster, directory: Path, accounts: str = ACCOUNTS
    ) -> list[Controller]:
        return []

    def prepare(self, cluster: Cluster, namespace_name: str) -> None:
        create(cluster, namespace(namespace_name))

    def collection(self, namespace: str) -> str:
        return JOBS.format(namespace)

    def manifest(self, name: str) -> dict[str, Any]:
        return {
            "apiVersion": "batch/v1",
            "kind": "Job",
            "metadata": {"name": name},
            "spec": {"backoffLimit": 0, "template": pod_template()},
        }


class DPOJobs:
    """This operator: one sweep over pinned commits, whose inspection the first job made."""

    name = "DPOJob"
    pod_label = LABEL_JOB_NAME
    pod_selector = quote(f"{LABEL_STAGE}=train")

    def __init__(self, selector: dict[str, str] | None = None, **settings: str) -> None:
        """`selector`: of the pool's nodes, by default none that exists; `settings`: of the operator."""
        self._selector, self._settings = selector or NO_NODE, settings

    def start(
        self, cluster: Cluster, directory: Path, accounts: str = ACCOUNTS
    ) -> list[Controller]:
        apply_crds(cluster, ROOT / "crds")
        add_nodes(cluster, 1, {"bench": "inspect"})
        create(cluster, _pool(self._selector))
        kubeconfig = account(cluster, "dpojob", directory / "dpojob.kubeconfig", accounts)
        process = operator(kubeconfig, directory, **self._settings)
        process.start()
        process.wait_ready()
        return [process]

    def prepare(self, cluster: Cluster, namespace_name: str) -> None:
        create(cluster, namespace(namespace_name), _claim(namespace_name))
        jobs = JobNamespace(cluster, namespace_name)
        first = self.manifest("first")
        first["spec"]["validateOnly"] = True
        jobs.apply(first)
        jobs.inspected("first", _report())
        jobs.until_condition("first", "Complete", "Validated")

    def collection(self, namespace: str) -> str:
        return DPOJOBS.format(namespace)

    def manifest(self, name: str) -> dict[str, Any]:
        seed = int(name.rpartition("-")[2]) if name[-1].isdigit() else 0
        return {
            "apiVersion": "dpojob.dev/v1alpha1",
            "kind": "DPOJob",
            "metadata": {"name": name},
            "spec": {
                "model": {"repo": "bench/model", "revision": COMMITS["model"]},
                "dataset": {"repo": "bench/pairs", "revision": COMMITS["dataset"]},
                "training": {"seed": seed},
                "output": {"volume": {"claimName": CLAIM, "path": name}},
            },
        }


def _report() -> dict[str, Any]:
    """What inspection reports; jobs share it where it names the commits that they name."""
    model = {**REPORT["model"], "revision": COMMITS["model"]}
    return {**REPORT, "revision": COMMITS["dataset"], "model": model}


def _pool(selector: dict[str, str]) -> dict[str, Any]:
    return {
        "apiVersion": "dpojob.dev/v1alpha1",
        "kind": "GPUPool",
        "metadata": {"name": "bench"},
        "spec": {
            "gpu": {"resource": GPU, "model": "A10G", "memoryGiB": 24},
            "modelSize": {"min": "0", "max": "7B"},
            "hourlyPrice": "2.50",
            "nodeSelector": selector,
        },
    }


def _claim(namespace: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": CLAIM, "namespace": namespace},
        "spec": {"accessModes": ["ReadWriteMany"], "resources": {"requests": {"storage": "1Ti"}}},
    }
