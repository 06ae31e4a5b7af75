"""Fake nodes by kwok: pods on them change their status and run nothing."""

import json
from pathlib import Path
from typing import Any

from devcluster.host.processes import Daemon

_SELECTOR = "kwok.x-k8s.io/node=fake"
_STAGES = Path(__file__).with_name("stages.yaml")


def daemon(binary: Path, credentials: Path) -> Daemon:
    """kwok itself, for the nodes that carry its annotation and no others."""
    return Daemon(
        "kwok",
        [
            str(binary),
            f"--kubeconfig={credentials}",
            f"--config={_STAGES}",
            "--manage-all-nodes=false",
            f"--manage-nodes-with-annotation-selector={_SELECTOR}",
            "--node-ip=198.51.100.2",
            "--cidr=198.18.0.0/16",
            "--node-lease-duration-seconds=40",
        ],
    )


def node(
    name: str, gpus: int = 0, resource: str = "nvidia.com/gpu", labels: dict[str, str] | None = None
) -> dict[str, Any]:
    """A fake node. The status of a Node may be set when it is created, unlike that of other objects."""
    key, _, value = _SELECTOR.partition("=")
    capacity = {"cpu": "64", "memory": "512Gi", "pods": "1000", "ephemeral-storage": "2Ti"}
    if gpus:
        capacity[resource] = str(gpus)
    standard = {
        "kubernetes.io/hostname": name,
        "kubernetes.io/os": "linux",
        "kubernetes.io/arch": "amd64",
        "type": "kwok",
    }
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": name,
            "annotations": {key: value},
            "labels": {**standard, **(labels or {})},
        },
        "status": {"capacity": capacity, "allocatable": capacity},
    }


def node_json(name: str, gpus: int, resource: str, labels: dict[str, str]) -> str:
    """The same as text for kubectl."""
    return json.dumps(node(name, gpus, resource, labels))
