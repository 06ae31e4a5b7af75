"""A tenant's namespace with one job, whose status the tests write in the operator's place."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.kit.cli.command_runner import Result, run_inside
from tests.kit.cluster.chart_rights import render
from tests.kit.cluster.tenant import tenant_variables, write_tenant_kubeconfig

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


@dataclass(frozen=True)
class Tenant:
    """A namespace, and a kubeconfig with nothing but a tenant's rights in it.

    Attributes:
        plane: The cluster, with an administrator's rights.
        namespace: The tenant's namespace.
        kubeconfig: The tenant's kubeconfig.
    """

    plane: Any
    namespace: str
    kubeconfig: Path

    @property
    def env(self) -> dict[str, str]:
        """Variables of a process that works with the tenant's rights."""
        return tenant_variables(self.plane, self.kubeconfig)

    def admin(self, *arguments: str, **options: Any) -> str:
        """kubectl with an administrator's rights, in the tenant's namespace."""
        return str(self.plane.kubectl("-n", self.namespace, *arguments, **options).stdout)


def make_tenant(plane: Any, directory: Path, *, pools: bool = True) -> Tenant:
    """A new namespace with its tenant."""
    name = f"tenant-{uuid.uuid4().hex[:8]}"
    plane.kubectl("create", "namespace", name)
    rendered = render(plane, "dpojob", "dpojob-system", "user-roles")
    plane.kubectl("apply", "-f", "-", input=rendered)
    path = directory / f"{name}.json"
    write_tenant_kubeconfig(plane, [name], path, pools=pools)
    return Tenant(plane, name, path)


class TenantJob:
    """The commands with a tenant's rights, and the operator's part of a job."""

    def __init__(self, tenant: Tenant) -> None:
        self.tenant = tenant
        self.namespace = tenant.namespace
        self.env = tenant.env
        self.kubectl = tenant.admin

    def run(self, command: str, *options: str, stdin: str | None = None) -> Result:
        return run_inside(command, "helpful", *options, env=self.env, stdin=stdin)

    def report(self, *, of: str = "helpful", **status: Any) -> None:
        patch = json.dumps({"status": status})
        options = ("--subresource=status", "--type=merge", "-p", patch)
        self.kubectl("patch", "dpojob", of, *options)

    def spec(self) -> dict[str, Any]:
        found = json.loads(self.kubectl("get", "dpojob", "helpful", "-o", "json"))
        return dict(found["spec"])
