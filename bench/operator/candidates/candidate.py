"""What a benchmark runs jobs with, and bare Jobs, the simplest such candidate."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar, Protocol

from bench.operator.control_plane import ACCOUNTS, create, namespace
from bench.operator.controllers import Controller
from tests.kit.api.client import AsyncApi
from tests.kit.api.paths import JOBS

from devcluster.cluster import Cluster

GPU = "nvidia.com/gpu"
NO_NODE = {"bench": "no-node"}
"""A node selector that no node matches: pods of timed runs exist and wait, as in a sweep that is larger than the
cluster, so that no kubelet and no container takes time."""


class Candidate(Protocol):
    """What runs the jobs of a measurement, such as this operator."""

    name: str
    """The name that the tables show."""
    pod_label: str
    """Label of pods that holds the job's name."""
    pod_selector: ClassVar[dict[str, str]]
    """Labels of the pods that count."""

    def start(
        self, cluster: Cluster, directory: Path, accounts: str = ACCOUNTS
    ) -> list[Controller]:
        """Installs it, and starts its controllers with service accounts of that namespace."""

    def prepare(self, cluster: Cluster, namespace: str) -> None:
        """Makes a namespace in which jobs can run."""

    async def create(self, api: AsyncApi, namespace: str, name: str) -> object:
        """Creates a job."""


def pod_template(labels: dict[str, str] | None = None) -> dict[str, Any]:
    """The pod of a bare Job and of Kubeflow Trainer: one container with one GPU."""
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
    pod_selector: ClassVar[dict[str, str]] = {}

    def start(
        self, cluster: Cluster, directory: Path, accounts: str = ACCOUNTS
    ) -> list[Controller]:
        return []

    def prepare(self, cluster: Cluster, namespace_name: str) -> None:
        create(cluster, namespace(namespace_name))

    async def create(self, api: AsyncApi, namespace: str, name: str) -> object:
        job = {
            "apiVersion": "batch/v1",
            "kind": "Job",
            "metadata": {"name": name},
            "spec": {"backoffLimit": 0, "template": pod_template()},
        }
        return await api.call("POST", JOBS.format(namespace), job)
