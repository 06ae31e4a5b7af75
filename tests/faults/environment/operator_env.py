"""What an operator needs around it: settings, a kubeconfig, a pool."""

from __future__ import annotations

import json

from tests.faults.injection.proxy import LABEL_RUN

from dpojob_api.base import JSONObject

from . import nodes

RESYNC_SECONDS = 4.0
SETTINGS = {
    "INSPECT_IMAGE": "inspect:faults",
    "TRAIN_IMAGE": "train:faults",
    "RESYNC_SECONDS": str(RESYNC_SECONDS),
    "PROGRESS_SECONDS": "1",
    "STATUS_SECONDS": "1",
    "PROGRESS_VIA": "proxy",
    "BATCH_SECONDS": "0.1",
    "MISSING_GRACE_SECONDS": "2",
    "SECRET_GRACE_SECONDS": "2",
    "REQUEST_SECONDS": "8",
    "HUB_ENDPOINT": "none",
    "GRACE_PERIOD_SECONDS": "10",
}
"""The operator's settings (settings.py), shortened where a test would wait."""


def kubeconfig(server: str, process_number: int) -> str:
    """Writes a kubeconfig for the proxy, which has the credentials; the token tells it which process asks."""
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "faults",
            "contexts": [{"name": "faults", "context": {"cluster": "faults", "user": "faults"}}],
            "clusters": [{"name": "faults", "cluster": {"server": server}}],
            "users": [{"name": "faults", "user": {"token": str(process_number)}}],
        }
    )


def pool(run: str) -> JSONObject:
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
