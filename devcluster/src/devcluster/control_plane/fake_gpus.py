"""Fake GPUs: extended resources in the status of a node, which the scheduler counts."""

import json
import subprocess
from typing import Protocol


class Kubectl(Protocol):
    """Runs kubectl against one cluster."""

    def __call__(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Run it; raises when it fails."""
        ...


def set_count(kubectl: Kubectl, node: str, resource: str, count: int) -> None:
    """Patch the node's status. The kubelet lets through what no device plugin manages."""
    key = resource.replace("~", "~0").replace("/", "~1")
    patch = [
        {"op": "add", "path": f"/status/{kind}/{key}", "value": str(count)}
        for kind in ("capacity", "allocatable")
    ]
    change = ("--subresource=status", "--type=json", "-p", json.dumps(patch))
    kubectl("patch", "node", node, *change)
