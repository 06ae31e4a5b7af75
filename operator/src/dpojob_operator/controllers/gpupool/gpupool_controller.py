"""Keeps the status of all GPUPools current with Nodes and Pods."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from dpojob_api.base import JSONObject
from dpojob_operator.kube import ApiClient, Conflict, parse_gpupool
from dpojob_operator.kube.resources import GPUPOOLS, NODES, PODS

from .pool_capacity import pool_status, requested_gpus

ACTIVE_PODS = "status.phase!=Succeeded,status.phase!=Failed"
"""Field selector of pods that hold their resources."""


class GPUPoolController:
    """Updates the status of all pools; one pass lists nodes and pods once."""

    def __init__(
        self, cluster: ApiClient, changed: Callable[[], None], now: Callable[[], datetime]
    ) -> None:
        self._cluster = cluster
        self._changed = changed
        self._now = now

    async def refresh(self) -> None:
        """Updates every pool that changed; raises ApiError when a request fails."""
        raws = [raw async for raw in self._cluster.list(GPUPOOLS)]
        if not raws:
            return
        pools = [(raw, pool) for raw in raws if (pool := parse_gpupool(raw)) is not None]
        nodes = [node async for node in self._cluster.list(NODES)]
        resources = {pool.spec.gpu.resource for _, pool in pools}
        pods = [
            pod
            async for pod in self._cluster.list(PODS, fields=ACTIVE_PODS)
            if any(requested_gpus(pod, resource) for resource in resources)
        ]
        room = False
        for raw, pool in pools:
            new = pool_status(pool, nodes, pods, self._now())
            if pool.status is not None and new.wire() == pool.status.wire():
                continue
            # Until its first pass, the CRD's default stands in the place of a status.
            counted = pool.status if pool.status is not None and pool.status.conditions else None
            room = room or counted is None or new.free != counted.free
            await self._write({**raw, "status": new.wire()})
        if room:
            self._changed()

    async def _write(self, body: JSONObject) -> None:
        try:
            await self._cluster.write_status(GPUPOOLS, body)
        except Conflict:
            return  # edited meanwhile; its event causes the next pass
