"""`dpojob pools suggest` on a real API server."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from tests.kit.cli.command_runner import run_inside
from tests.kit.cli.tenant_job import TenantJob

pytestmark = pytest.mark.cluster

LABELS = {
    "nvidia.com/gpu.product": "NVIDIA-L40S",
    "nvidia.com/gpu.count": "4",
    "nvidia.com/gpu.memory": "46068",
}


@pytest.fixture
def gpu_node(control_plane: Any) -> Iterator[str]:
    """A node with four GPUs and the labels of GPU Feature Discovery."""
    name = "suggest-l40s"
    node = {
        "apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": LABELS},
        "spec": {"taints": [{"key": "nvidia.com/gpu", "effect": "NoSchedule"}]},
    }  # fmt: skip
    control_plane.kubectl("create", "-f", "-", input=json.dumps(node))
    status = {"status": {"allocatable": {"nvidia.com/gpu": "4", "cpu": "8"}}}
    control_plane.kubectl(
        "patch", "node", name, "--subresource=status", "--type=merge", "-p", json.dumps(status)
    )
    yield name
    control_plane.kubectl("delete", "node", name)


def test_suggested_pools_can_be_applied(
    control_plane: Any, cluster_job: TenantJob, gpu_node: str
) -> None:
    environment = {**cluster_job.env, "KUBECONFIG": str(control_plane.kubeconfig)}
    done = run_inside("pools", "suggest", env=environment)
    assert done.code == 0, done.err
    assert f"# Nodes: {gpu_node}" in done.out
    (pool,) = [
        found
        for found in yaml.safe_load_all(done.out)
        if found and found["metadata"]["name"].startswith("l40s")
    ]
    assert pool["spec"]["gpu"] == {"model": "L40S", "memoryGiB": 48, "perNode": 4}
    accepted = control_plane.kubectl("apply", "--dry-run=server", "-f", "-", input=done.out).stdout
    assert "l40s-48gb-x4 created (server dry run)" in accepted


def test_a_tenant_may_not_list_nodes(cluster_job: TenantJob) -> None:
    done = run_inside("pools", "suggest", env=cluster_job.env)
    assert (done.code, "nodes" in done.err) == (2, True), done.err
