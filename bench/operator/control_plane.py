"""A control plane of its own for each measurement, and the accounts with which controllers run on it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from devcluster.cluster import Cluster, sweep, this_process
from devcluster.control_plane import kwok
from devcluster.control_plane.audit import BODIES_NAMESPACE
from devcluster.state import CONTROL_PLANE

ACCOUNTS = "bench"
"""Namespace of the controllers' service accounts."""
AUDITED_ACCOUNTS = BODIES_NAMESPACE
"""The same, where the audit log shall hold bodies, which takes time."""
COMPONENTS = ("kube-apiserver", "etcd", "kube-controller-manager", "kube-scheduler")

AUDIT_MIB = 1024
"""Size of the audit log that no measurement reaches: a rotation would lose requests that are to be counted."""


@contextmanager
def fresh_control_plane(name: str) -> Iterator[Cluster]:
    """etcd, API server, controllers (500 requests/s) and scheduler, with an empty database; ended afterwards."""
    sweep()
    cluster = Cluster(f"bench-{os.getpid()}-{name}")
    try:
        cluster.up(CONTROL_PLANE, 0, owner=this_process(), audit_mib=AUDIT_MIB)
        create(cluster, namespace(ACCOUNTS), namespace(AUDITED_ACCOUNTS))
        yield cluster
    finally:
        cluster.down(images=True)


def create(cluster: Cluster, *manifests: dict[str, Any]) -> None:
    """Applies manifests as the administrator."""
    items = {"apiVersion": "v1", "kind": "List", "items": list(manifests)}
    cluster.kubectl("apply", "--server-side", "-f", "-", input=json.dumps(items))


def namespace(name: str) -> dict[str, Any]:
    """The manifest of a namespace."""
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def add_nodes(cluster: Cluster, count: int, labels: dict[str, str], gpus: int = 0) -> None:
    """Fake nodes of kwok, on which pods run without containers."""
    prefix = "-".join(labels.values())
    for index in range(count):
        node = kwok.node(f"{prefix}-{index}", gpus, labels=labels)
        cluster.add_kwok_node(json.dumps(node))


def account(cluster: Cluster, name: str, kubeconfig: Path, namespace: str = ACCOUNTS) -> Path:
    """Creates a service account with every right; the API server's audit log tells its requests from others'."""
    binding = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": f"{namespace}-{name}"},
        "roleRef": {
            "apiGroup": "rbac.authorization.k8s.io",
            "kind": "ClusterRole",
            "name": "cluster-admin",
        },
        "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": namespace}],
    }
    service_account = {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": {"name": name, "namespace": namespace},
    }
    create(cluster, service_account, binding)
    token = cluster.kubectl("-n", namespace, "create", "token", name, "--duration=24h").stdout
    config = json.loads(cluster.kubectl("config", "view", "--raw", "-o", "json").stdout)
    config["users"] = [{"name": name, "user": {"token": token.strip()}}]
    context = config["contexts"][0]
    context["context"]["user"] = name
    config["current-context"] = context["name"]
    kubeconfig.write_text(json.dumps(config))
    return kubeconfig


def pids(cluster: Cluster) -> dict[str, int]:
    """The processes of the control plane, by component."""
    found = {name: cluster.daemons.pid(name) for name in COMPONENTS}
    return {name: pid for name, pid in found.items() if pid is not None}
