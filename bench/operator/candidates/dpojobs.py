"""This operator: DPOJobs of a sweep whose inspection is shared."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

from bench.operator.control_plane import ACCOUNTS, account, add_nodes, create, namespace
from bench.operator.controllers import OPERATOR, ROOT, Controller, operator
from tests.kit.api.client import AsyncApi
from tests.kit.api.paths import DPOJOBS
from tests.kit.crds import apply_crds
from tests.kit.operator_fixture import COMMITS, REPORT, JobNamespace

from devcluster.cluster import Cluster
from dpojob_api.constants import LABEL_JOB_NAME, LABEL_STAGE, STAGE_TRAIN

from .candidate import GPU, NO_NODE

CLAIM = "models"


class DPOJobs:
    """This operator: one sweep over pinned commits, whose inspection the first job made."""

    name = "DPOJob"
    pod_label = LABEL_JOB_NAME
    pod_selector: ClassVar = {LABEL_STAGE: STAGE_TRAIN}

    def __init__(
        self,
        selector: dict[str, str] | None = None,
        command: Sequence[str] = OPERATOR,
        **settings: str,
    ) -> None:
        """`selector` selects the pool's nodes, by default no node that exists; `settings` are the operator's."""
        self._selector, self._command, self._settings = selector or NO_NODE, command, settings

    def start(
        self, cluster: Cluster, directory: Path, accounts: str = ACCOUNTS
    ) -> list[Controller]:
        apply_crds(cluster, ROOT / "crds")
        add_nodes(cluster, 1, {"bench": "inspect"})
        create(cluster, _pool(self._selector))
        kubeconfig = account(cluster, "dpojob", directory / "dpojob.kubeconfig", accounts)
        process = operator(kubeconfig, directory, self._command, **self._settings)
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

    async def create(self, api: AsyncApi, namespace: str, name: str) -> object:
        return await api.call("POST", self.collection(namespace), self.manifest(name))

    def collection(self, namespace: str) -> str:
        """Path of the collection of jobs."""
        return DPOJOBS.format(namespace)

    def manifest(self, name: str) -> dict[str, Any]:
        """A job of the sweep; the number at the end of its name is its seed."""
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
