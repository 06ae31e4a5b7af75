"""A control plane with a tenant and one job in training, for the recorded output of docs/cli.md.

No node runs the job: its status is one that the operator recorded (tests/operator/upgrades), and the pools are the
chart's default catalogue.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.kit.cluster.chart_rights import render
from tests.kit.cluster.tenant import write_tenant_kubeconfig
from tests.kit.crds import apply_crds

from devcluster.cluster import Cluster, this_process
from devcluster.state import CONTROL_PLANE

ROOT = Path(__file__).resolve().parent.parent
NAMESPACE = "team-a"
JOB = {
    "apiVersion": "dpojob.dev/v1alpha1",
    "kind": "DPOJob",
    "metadata": {"name": "helpful-qwen", "namespace": NAMESPACE},
    "spec": {"model": {"repo": "tiny/chat"}, "dataset": {"repo": "my-org/preference-data"}},
}
STATUSES = ROOT / "tests/operator/upgrades/first_release.json"
SAMPLE = {
    "prompt": "What color is the lemon?",
    "before": "The lemon is yellow. Why bother me with that?",
    "after": "Of course, good question! The lemon is yellow.",
}


@contextmanager
def tenant_environment(directory: Path) -> Iterator[dict[str, str]]:
    """Runs the control plane.

    Args:
        directory: Where the tenant's kubeconfig is written.

    Yields:
        Variables of a process with the tenant's rights, in whose namespace is the job helpful-qwen.
    """
    cluster = Cluster(f"cli-docs-{os.getpid()}")
    try:
        cluster.up(CONTROL_PLANE, 0, owner=this_process())
        apply_crds(cluster, ROOT / "crds")
        rendered = render(cluster, "dpojob", "dpojob-system", "user-roles", "pools")
        cluster.kubectl("create", "namespace", NAMESPACE)
        cluster.kubectl("apply", "-f", "-", input=rendered)
        cluster.kubectl("create", "-f", "-", input=json.dumps(JOB))
        status = json.loads(STATUSES.read_text())["training"]["status"]
        patch = json.dumps({"status": {**status, "samples": [SAMPLE]}})
        cluster.kubectl(
            "patch",
            "dpojob",
            "helpful-qwen",
            "-n",
            NAMESPACE,
            "--subresource=status",
            "--type=merge",
            "-p",
            patch,
        )
        path = directory / "tenant.kubeconfig"
        write_tenant_kubeconfig(cluster, [NAMESPACE], path)
        kubectl = Path(cluster.bin("kubectl"))
        yield {"KUBECONFIG": str(path), "PATH": f"{kubectl.parent}:{os.environ['PATH']}"}
    finally:
        cluster.down(images=True)
