"""The job that docs/cli.md shows, in a tenant's namespace of a control plane, without a node that runs it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.kit.cluster.chart_rights import render
from tests.kit.cluster.tenant import delete_pool_rights, tenant_variables, write_tenant_kubeconfig
from tests.kit.crds import apply_crds
from tests.kit.repository import ROOT

NAMESPACE = "team-a"
JOB = {
    "apiVersion": "dpojob.dev/v1alpha1",
    "kind": "DPOJob",
    "metadata": {"name": "helpful-qwen", "namespace": NAMESPACE},
    "spec": {"model": {"repo": "tiny/chat"}, "dataset": {"repo": "my-org/preference-data"}},
}
STATUSES = ROOT / "tests/kit/operator/first_release.json"
"""Statuses that an operator wrote."""
SAMPLE = {
    "prompt": "What color is the lemon?",
    "before": "The lemon is yellow. Why bother me with that?",
    "after": "Of course, good question! The lemon is yellow.",
}


@contextmanager
def documented_job(cluster: Any, directory: Path) -> Iterator[dict[str, str]]:
    """Makes the chart's pools, and the tenant's namespace with one job in training; deletes them at the end.

    The chart's roles for users are applied too, and stay: tenants of other tests have them.

    Args:
        cluster: A devcluster with an API server.
        directory: Where the tenant's kubeconfig is written.

    Yields:
        Variables of a process with the tenant's rights.
    """
    apply_crds(cluster, ROOT / "crds")
    roles = render(cluster, "dpojob", "dpojob-system", "user-roles")
    pools = render(cluster, "dpojob", "dpojob-system", "pools")
    cluster.kubectl("apply", "-f", "-", input=roles)
    cluster.kubectl("apply", "-f", "-", input=pools)
    cluster.kubectl("create", "namespace", NAMESPACE)
    try:
        cluster.kubectl("create", "-f", "-", input=json.dumps(JOB))
        status = json.loads(STATUSES.read_text())["training"]["status"]
        patch = json.dumps({"status": {**status, "samples": [SAMPLE]}})
        options = ("--subresource=status", "--type=merge", "-p", patch)
        cluster.kubectl("-n", NAMESPACE, "patch", "dpojob", "helpful-qwen", *options)
        path = directory / "tenant.kubeconfig"
        write_tenant_kubeconfig(cluster, [NAMESPACE], path)
        yield tenant_variables(cluster, path)
    finally:
        cluster.kubectl("delete", "namespace", NAMESPACE, "--wait=false", check=False)
        delete_pool_rights(cluster, [NAMESPACE])
        cluster.kubectl("delete", "-f", "-", "--ignore-not-found", input=pools, check=False)
