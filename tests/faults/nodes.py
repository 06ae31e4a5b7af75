"""The runs' nodes: each run's pods have one to be scheduled to, which says now and then that it lives."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import UTC, datetime
from typing import Any

import aiohttp

from .api import Api, Object, Refused
from .proxy import LABEL_RUN

LEASES = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"
HEARTBEAT_SECONDS = 10.0
"""The node controller taints a node that has been silent for 50 s."""
ROOM = {
    "cpu": "1000",
    "memory": "4Ti",
    "pods": "1000",
    "nvidia.com/gpu": "1024",
    "ephemeral-storage": "100Ti",
}


def _lease(name: str) -> Object:
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    spec = {"holderIdentity": name, "leaseDurationSeconds": 40, "renewTime": now}
    return {"metadata": {"name": name, "namespace": "kube-node-lease"}, "spec": spec}


class Nodes:
    """Nodes without a kubelet."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._alive: set[str] = set()

    async def add(self, name: str) -> None:
        """A node that is ready, and has GPUs."""
        labels = {LABEL_RUN: name, "kubernetes.io/hostname": name}
        call = self._api.call
        await call("POST", "/api/v1/nodes", {"metadata": {"name": name, "labels": labels}})
        await call("POST", LEASES, _lease(name))
        ready = {"type": "Ready", "status": "True", "reason": "Faults", "message": "played"}
        status = {"capacity": ROOM, "allocatable": ROOM, "conditions": [ready]}
        await self._api.merge(f"/api/v1/nodes/{name}/status", {"status": status})
        taints: dict[str, Any] = {"spec": {"taints": []}}
        await self._api.merge(f"/api/v1/nodes/{name}", taints)
        self._alive.add(name)

    async def remove(self, name: str) -> None:
        """The run is over."""
        self._alive.discard(name)
        for path in (f"/api/v1/nodes/{name}", f"{LEASES}/{name}"):
            with contextlib.suppress(Refused):
                await self._api.call("DELETE", path)

    async def live(self) -> None:
        """Heartbeats until cancelled."""
        while True:
            await asyncio.sleep(HEARTBEAT_SECONDS)
            await asyncio.gather(*(self._beat(name) for name in tuple(self._alive)))

    async def _beat(self, name: str) -> None:
        # One that is lost is made up for by the next; the node may have gone meanwhile.
        with contextlib.suppress(Refused, aiohttp.ClientError, TimeoutError):
            await self._api.merge(f"{LEASES}/{name}", {"spec": _lease(name)["spec"]})
