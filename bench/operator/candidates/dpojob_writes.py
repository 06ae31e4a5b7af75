"""The writes of a DPOJob without an operator: the least that a controller of DPOJobs asks of the API server."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from bench.operator.control_plane import ACCOUNTS
from bench.operator.controllers import Controller
from tests.kit.api.client import AsyncApi
from tests.kit.api.paths import JOBS
from tests.kit.operator_fixture import JobNamespace

from devcluster.cluster import Cluster

from .dpojobs import DPOJobs

SAMPLE = "written-by-the-operator"
"""The job whose status and Job the others copy."""
SET_BY_API_SERVER = ("uid", "resourceVersion", "generation", "creationTimestamp", "managedFields")
SET_BY_JOB_STRATEGY = (
    "controller-uid",
    "job-name",
    "batch.kubernetes.io/controller-uid",
    "batch.kubernetes.io/job-name",
)
"""Labels that the API server adds to the pods of a Job."""


class DPOJobWrites(DPOJobs):
    """The client itself creates a DPOJob, writes its status once and creates its Job, with nothing to decide.

    What it writes are copies of what the operator wrote for one job before it was stopped.
    """

    name = "DPOJob's writes alone"

    def start(
        self, cluster: Cluster, directory: Path, accounts: str = ACCOUNTS
    ) -> list[Controller]:
        self._directory, self._accounts = directory, accounts
        return []

    def prepare(self, cluster: Cluster, namespace_name: str) -> None:
        """Lets the operator run one job, and stops it."""
        (controller,) = super().start(cluster, self._directory, self._accounts)
        try:
            super().prepare(cluster, namespace_name)
            jobs = JobNamespace(cluster, namespace_name)
            jobs.apply(self.manifest(SAMPLE))
            (job,) = jobs.until("the sample's Job", lambda: jobs.list("jobs", job=SAMPLE))
            sample = jobs.get("dpojob", SAMPLE)
        finally:
            controller.stop()
        assert sample is not None and sample["status"]["plan"], sample
        self._uid = sample["metadata"]["uid"]
        self._status = json.dumps(sample["status"])
        self._job = json.dumps(as_created(job))

    async def create(self, api: AsyncApi, namespace: str, name: str) -> None:
        made = await api.call("POST", self.collection(namespace), self.manifest(name))
        uid = made["metadata"]["uid"]
        made["status"] = self._copy(self._status, name, uid)
        del made["metadata"]["managedFields"]  # as the operator, which does not send them either
        await api.call("PUT", f"{self.collection(namespace)}/{name}/status", made)
        await api.call("POST", JOBS.format(namespace), self._copy(self._job, name, uid))

    def _copy(self, written: str, name: str, uid: str) -> dict[str, Any]:
        return dict(json.loads(written.replace(SAMPLE, name).replace(self._uid, uid)))


def as_created(job: dict[str, Any]) -> dict[str, Any]:
    """A Job as its creator sent it: without what the API server and the Job controller added."""
    metadata = {
        key: value for key, value in job["metadata"].items() if key not in SET_BY_API_SERVER
    }
    spec = {key: value for key, value in job["spec"].items() if key != "selector"}
    template = spec["template"]
    labels = template["metadata"]["labels"]
    kept = {key: value for key, value in labels.items() if key not in SET_BY_JOB_STRATEGY}
    spec["template"] = {**template, "metadata": {**template["metadata"], "labels": kept}}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": spec}
