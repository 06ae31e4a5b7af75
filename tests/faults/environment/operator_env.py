"""What an operator needs around it: settings, a way to the API server, a port, a pool."""

from __future__ import annotations

import itertools
import json
import random
import socket

from tests.faults.injection.proxy import LABEL_RUN
from tests.kit.api_client import Object

from . import nodes

PORTS = range(11_000, 20_000)
"""Below net.ipv4.ip_local_port_range and the clusters' own ports, above Kubernetes' well-known ones."""
_ports = itertools.cycle(random.sample(PORTS, len(PORTS)))
RESYNC_SECONDS = 4.0
SETTINGS = {
    "INSPECT_IMAGE": "inspect:faults",
    "TRAIN_IMAGE": "train:faults",
    "RESYNC_SECONDS": str(RESYNC_SECONDS),
    "PROGRESS_SECONDS": "1",
    "STATUS_SECONDS": "1",
    "PROGRESS_VIA": "proxy",
    "MISSING_GRACE_SECONDS": "2",
    "SECRET_GRACE_SECONDS": "2",
    "REQUEST_SECONDS": "8",
    "HUB_ENDPOINT": "none",
    "GRACE_PERIOD_SECONDS": "10",
}
"""The operator's settings (settings.py), shortened where a test would wait."""


def free_port() -> int:
    """A port nobody listens on now, that no outgoing connection is given and no other operator of
    ours: one that is started again must find it free again."""
    for port in _ports:
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise RuntimeError("no port is free")


def kubeconfig(server: str) -> str:
    """Through the proxy, which has the credentials."""
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "faults",
            "contexts": [{"name": "faults", "context": {"cluster": "faults", "user": "faults"}}],
            "clusters": [{"name": "faults", "cluster": {"server": server}}],
            "users": [{"name": "faults", "user": {}}],
        }
    )


def pool(run: str) -> Object:
    """The run's own pool, on the node that all share."""
    return {
        "apiVersion": "dpojob.dev/v1alpha1",
        "kind": "GPUPool",
        "metadata": {"name": run, "labels": {LABEL_RUN: run}},
        "spec": {
            "gpu": {"model": "A10G", "memoryGiB": 24, "perNode": 8},
            "hourlyPrice": "1.00",
            "nodeSelector": dict(nodes.LABELS),
        },
    }
