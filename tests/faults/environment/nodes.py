"""The node that all pods are scheduled to: no machine, but it says now and then that it lives."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import UTC, datetime
from typing import Any

import aiohttp
from tests.kit.api_client import Api, Object, Refused

NAME = "faults"
LABELS = {"faults.dpojob.dev/node": "shared", "kubernetes.io/hostname": NAME}
FLAVOUR = {"faults.dpojob.dev/flavour": "reserved"}
"""A label of that node by which a queueing system chooses it."""
LEASES = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"
HEARTBEAT_SECONDS = 5.0
"""The node controller taints a node that has been silent for 50 s."""
ROOM = {
    "cpu": "1000000",
    "memory": "1Pi",
    "pods": "1000000",
    "nvidia.com/gpu": "1000000",
    "ephemeral-storage": "1Pi",
}


def _lease() -> Object:
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    spec = {"holderIdentity": NAME, "leaseDurationSeconds": 40, "renewTime": now}
    return {"metadata": {"name": NAME, "namespace": "kube-node-lease"}, "spec": spec}


async def add(api: Api) -> None:
    """A node that is ready and has room for everybody; it may be there from another time."""
    for path, body in (
        ("/api/v1/nodes", {"metadata": {"name": NAME, "labels": {**LABELS, **FLAVOUR}}}),
        (LEASES, _lease()),
    ):
        try:
            await api.call("POST", path, body)
        except Refused as refused:
            if refused.status != 409:
                raise
    ready = {"type": "Ready", "status": "True", "reason": "Faults", "message": "played"}
    status = {"capacity": ROOM, "allocatable": ROOM, "conditions": [ready]}
    await api.merge(f"/api/v1/nodes/{NAME}/status", {"status": status})
    taints: dict[str, Any] = {"spec": {"taints": []}}
    await api.merge(f"/api/v1/nodes/{NAME}", taints)


async def live(api: Api) -> None:
    """Its heartbeat, until cancelled."""
    while True:
        # One that is lost is made up for by the next.
        with contextlib.suppress(Refused, aiohttp.ClientError, TimeoutError):
            await api.merge(f"{LEASES}/{NAME}", {"spec": _lease()["spec"]})
        await asyncio.sleep(HEARTBEAT_SECONDS)
