"""The baseline: Kubeflow Trainer and JobSet, built from Go modules, as their own manifests configure them.

What a bare control plane lacks is given as files: serving certificates, and the fields that JobSet's
webhook would set. No webhook is registered, since the API server cannot reach a Service here.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any, ClassVar

import yaml
from bench.operator.control_plane import ACCOUNTS, account, create, namespace
from bench.operator.controllers import Controller
from tests.kit.api.client import AsyncApi
from tests.kit.crds import apply_crds
from tests.kit.ports import free_port

from devcluster import binaries
from devcluster.binaries import Recipe
from devcluster.cluster import Cluster
from devcluster.control_plane.certificates import Authority

from .candidate import pod_template

TRAINER = Recipe(
    name="kubeflow-trainer",
    version="v2.3.0",
    download=None,
    module="github.com/kubeflow/trainer/v2",
    package="github.com/kubeflow/trainer/v2/cmd/trainer-controller-manager",
)
JOBSET = Recipe(
    name="jobset",
    version="v0.12.0",
    download=None,
    module="sigs.k8s.io/jobset",
    package="sigs.k8s.io/jobset",
    requires=(f"{TRAINER.module} {TRAINER.version}",),
)
RUNTIME = "torch-distributed"
TRAINJOBS = "/apis/trainer.kubeflow.org/v1alpha1/namespaces/{}/trainjobs"


class KubeflowTrainer:
    """TrainJobs of one node with one GPU, by the ClusterTrainingRuntime `torch-distributed`."""

    pod_label = "jobset.sigs.k8s.io/jobset-name"
    pod_selector: ClassVar[dict[str, str]] = {}

    def __init__(self, queries_per_second: int | None = None) -> None:
        """`queries_per_second` limits both controllers' clients; by default their own limits hold, 50 and 500."""
        self._queries = queries_per_second
        raised = f", {queries_per_second} QPS" if queries_per_second else ", defaults"
        self.name = f"Kubeflow Trainer {TRAINER.version[1:]} + JobSet {JOBSET.version[1:]}{raised}"

    def start(
        self, cluster: Cluster, directory: Path, accounts: str = ACCOUNTS
    ) -> list[Controller]:
        trainer, jobset = map(binaries.module_directory, (TRAINER, JOBSET))
        for crds in (trainer / "manifests/base/crds", jobset / "config/components/crd/bases"):
            apply_crds(cluster, _manifests(cluster, crds))
        create(cluster, _runtime(trainer))
        configurations = {
            TRAINER: trainer / "manifests/base/manager/controller_manager_config.yaml",
            JOBSET: jobset / "config/components/manager/controller_manager_config.yaml",
        }
        processes = []
        for recipe, file in configurations.items():
            home = directory / recipe.name
            home.mkdir()
            configuration = yaml.safe_load(file.read_text())
            ports = _complete(configuration, accounts, self._queries)
            (home / "config.yaml").write_text(yaml.safe_dump(configuration))
            _serving_certificate(cluster, home)
            kubeconfig = account(cluster, recipe.name, home / "kubeconfig", accounts)
            command = [str(binaries.install(recipe)), f"--config={home / 'config.yaml'}"]
            environment = {"KUBECONFIG": str(kubeconfig), "TMPDIR": str(home)}
            probes = f"http://127.0.0.1:{ports['health']}"
            processes.append(Controller(recipe.name, command, environment, home / "log", probes))
        for process in processes:
            process.start()
        for process in processes:
            process.wait_ready()
        return processes

    def prepare(self, cluster: Cluster, namespace_name: str) -> None:
        create(cluster, namespace(namespace_name))

    async def create(self, api: AsyncApi, namespace: str, name: str) -> object:
        job = {
            "apiVersion": "trainer.kubeflow.org/v1alpha1",
            "kind": "TrainJob",
            "metadata": {"name": name},
            "spec": {
                "runtimeRef": {"name": RUNTIME},
                "trainer": {"args": [f"--seed={name.rpartition('-')[2]}"]},
            },
        }
        return await api.call("POST", TRAINJOBS.format(namespace), job)


def _manifests(cluster: Cluster, directory: Path) -> str:
    if (directory / "kustomization.yaml").exists():
        return str(cluster.kubectl("kustomize", str(directory)).stdout)
    return "\n---\n".join(path.read_text() for path in sorted(directory.glob("*.yaml")))


def _complete(configuration: dict[str, Any], accounts: str, queries: int | None) -> dict[str, int]:
    """Sets what two processes on one machine without certificate management need; returns the ports."""
    ports = {name: free_port() for name in ("health", "metrics", "webhook")}
    for section, field in (
        ("health", "healthProbeBindAddress"),
        ("metrics", "bindAddress"),
    ):
        configuration.setdefault(section, {})[field] = f"127.0.0.1:{ports[section]}"
    configuration.setdefault("webhook", {})["port"] = ports["webhook"]
    configuration["leaderElection"]["resourceNamespace"] = accounts
    for section in ("certManagement", "internalCertManagement"):
        if section in configuration:
            configuration[section] = {"enable": False}
    if queries:
        configuration["clientConnection"] = {"qps": queries, "burst": 2 * queries}
    return ports


def _serving_certificate(cluster: Cluster, home: Path) -> None:
    pair = Authority(cluster.state.certificates).issue("webhook", "webhook", "", ("localhost",))
    directory = home / "k8s-webhook-server" / "serving-certs"
    directory.mkdir(parents=True)
    shutil.copy(pair.certificate, directory / "tls.crt")
    shutil.copy(pair.key, directory / "tls.key")


def _runtime(trainer: Path) -> dict[str, Any]:
    """The module's runtime, with the fields that JobSet's webhook sets, and the same pod as bare Jobs have."""
    file = trainer / "manifests/base/runtimes/torch_distributed.yaml"
    runtime: dict[str, Any] = yaml.safe_load(file.read_text())
    assert runtime["metadata"]["name"] == RUNTIME
    spec = runtime["spec"]["template"]["spec"]
    spec["network"] = {"enableDNSHostnames": True, "publishNotReadyAddresses": True}
    spec["successPolicy"] = {"operator": "All"}
    spec["startupPolicy"] = {"startupPolicyOrder": "AnyOrder"}
    (job,) = spec["replicatedJobs"]
    pod = pod_template()["spec"]
    job["template"]["spec"] = {
        "completionMode": "Indexed",
        "backoffLimit": 0,
        "template": {"spec": pod},
    }
    return runtime
