"""The fake node that all pods are scheduled to, and its heartbeat."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import UTC, datetime
from typing import Any

import aiohttp
from tests.kit.api.client import AsyncApi

from devcluster.control_plane import ApiError
from dpojob_api.base import JSONObject

NAME = "faults"
LABELS = {"faults.dpojob.dev/node": "shared", "kubernetes.io/hostname": NAME}
FLAVOR = {"faults.dpojob.dev/flavour": "reserved"}
"""A label of that node by which a queueing system chooses it."""
LEASES = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"
HEARTBEAT_SECONDS = 5.0
"""The node controller taints a node that has been silent for 50 s."""
CAPACITY = {
    "cpu": "1000000",
    "memory": "1Pi",
    "pods": "1000000",
    "nvidia.com/gpu": "1000000",
    "ephemeral-storage": "1Pi",
}


def _lease() -> JSONObject:
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    spec = {"holderIdentity": NAME, "leaseDurationSeconds": 40, "renewTime": now}
    return {"metadata": {"name": NAME, "namespace": "kube-node-lease"}, "spec": spec}


async def add(api: AsyncApi) -> None:
    """Creates the node, ready and with room for all pods, unless it exists."""
    for path, body in (
        ("/api/v1/nodes", {"metadata": {"name": NAME, "labels": {**LABELS, **FLAVOR}}}),
        (LEASES, _lease()),
    ):
        try:
            await api.call("POST", path, body)
        except ApiError as error:
            if error.status != 409:
                raise
    ready = {"type": "Ready", "status": "True", "reason": "Faults", "message": "fake"}
    status = {"capacity": CAPACITY, "allocatable": CAPACITY, "conditions": [ready]}
    await api.merge(f"/api/v1/nodes/{NAME}/status", {"status": status})
    taints: dict[str, Any] = {"spec": {"taints": []}}
    await api.merge(f"/api/v1/nodes/{NAME}", taints)


async def delete(api: AsyncApi) -> None:
    """Deletes the node and its lease: later tests on the same control plane expect their own nodes only."""
    for path in (f"/api/v1/nodes/{NAME}", f"{LEASES}/{NAME}"):
        try:
            await api.call("DELETE", path)
        except ApiError as error:
            if error.status != 404:
                raise


async def send_heartbeats(api: AsyncApi) -> None:
    """Its heartbeat, until cancelled."""
    while True:
        # One that is lost is made up for by the next.
        with contextlib.suppress(ApiError, aiohttp.ClientError, TimeoutError):
            await api.merge(f"{LEASES}/{NAME}", {"spec": _lease()["spec"]})
        await asyncio.sleep(HEARTBEAT_SECONDS)
