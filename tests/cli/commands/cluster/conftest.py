"""A tenant's namespace with one job, whose status the tests write in the operator's place."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.cli.conftest import Result, run_inside
from tests.kit.cluster.tenant import Tenant, make_tenant
from tests.kit.crds import apply_crds

ROOT = Path(__file__).resolve().parents[4]
MANIFEST = """
apiVersion: dpojob.dev/v1alpha1
kind: DPOJob
metadata: {name: helpful}
spec:
  model: {repo: org/model}
  dataset: {repo: org/pairs}
"""
RUNNING = {
    "phase": "Training",
    "progress": {
        "stage": "Training", "step": 42, "maxSteps": 100, "loss": 0.5123, "margin": 0.75,
        "accuracy": 0.9, "etaSeconds": 600,
    },
    "cost": {"soFar": "1.25", "estimate": "2.50", "currency": "USD"},
    "plan": {
        "pool": "t4-medium", "method": "lora", "precision": "fp16", "perDeviceBatchSize": 2,
        "gradientAccumulation": 4, "memoryGiB": {"needed": 15.0, "available": 21.8},
        "estimate": {"hours": 2.5, "cost": "2.50"},
    },
    "conditions": [],
}  # fmt: skip


class Cluster:
    """The commands with a tenant's rights, and the operator's part of a job."""

    def __init__(self, tenant: Tenant) -> None:
        self.tenant = tenant
        self.namespace = tenant.namespace
        self.env = tenant.env
        self.kubectl = tenant.admin

    def run(self, command: str, *options: str, stdin: str | None = None) -> Result:
        return run_inside(command, "helpful", *options, env=self.env, stdin=stdin)

    def report(self, **status: Any) -> None:
        patch = json.dumps({"status": status})
        options = ("--subresource=status", "--type=merge", "-p", patch)
        self.kubectl("patch", "dpojob", "helpful", *options)

    def spec(self) -> dict[str, Any]:
        found = json.loads(self.kubectl("get", "dpojob", "helpful", "-o", "json"))
        return dict(found["spec"])


@pytest.fixture(scope="session")
def tenant(control_plane: Any, tmp_path_factory: pytest.TempPathFactory) -> Tenant:
    apply_crds(control_plane, ROOT / "crds")
    name = f"tenant-{uuid.uuid4().hex[:8]}"
    control_plane.kubectl("create", "namespace", name)
    return make_tenant(control_plane, name, tmp_path_factory.mktemp("tenant"))


@pytest.fixture
def cluster_job(tenant: Tenant) -> Iterator[Cluster]:
    used = Cluster(tenant)
    used.kubectl("create", "-f", "-", input=MANIFEST)
    yield used
    used.kubectl("delete", "dpojob", "helpful", "--ignore-not-found")
