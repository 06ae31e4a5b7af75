"""Keeps the status of all GPUPools current with Nodes and Pods.

The pods of DPOJobs come and go with every job, and are in the store. Nodes, and the pods of others, are listed only
at an interval.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime

from dpojob_api.base import JSONObject
from dpojob_api.conditions import PoolConditionType, Reason
from dpojob_api.constants import LABEL_MANAGED_BY, MANAGED_BY
from dpojob_api.pool import GPUPool, GPUPoolStatus
from dpojob_operator.decide.conditions import unreadable_status
from dpojob_operator.decide.object_snapshots import RawObject
from dpojob_operator.indexes import ObjectStores
from dpojob_operator.kube import ApiClient, Conflict, UnreadableObject, parse_or_explain
from dpojob_operator.kube.resources import GPUPOOLS, NODES, PODS
from dpojob_operator.process.metrics import POOLS, PoolFigures

from .pool_capacity import pool_status, requested_gpus

ACTIVE_PODS = "spec.nodeName!=,status.phase!=Succeeded,status.phase!=Failed"
"""Field selector of pods that hold their resources: bound to a node, and not ended."""
OTHER_PODS = f"{LABEL_MANAGED_BY}!={MANAGED_BY}"
"""Label selector of the pods that are not watched."""

LIST_SECONDS = 25.0
"""Least time between two lists of all nodes and all pods."""


class GPUPoolController:
    """Updates the status of all pools."""

    def __init__(
        self,
        cluster: ApiClient,
        stores: ObjectStores,
        changed: Callable[[], None],
        now: Callable[[], datetime],
        *,
        watches_all_namespaces: bool,
    ) -> None:
        self._cluster = cluster
        self._stores = stores
        self._changed = changed
        self._now = now
        # The stores hold the pods that an operator manages, but only those of the watched namespaces. Where these
        # are not all namespaces, every pod is listed.
        self._listed_pods = OTHER_PODS if watches_all_namespaces else ""
        self._listed_at = float("-inf")
        self._resources: set[str] = set()
        self._nodes: list[JSONObject] = []
        self._other_pods: list[RawObject] = []

    async def refresh(self) -> None:
        """Updates every pool that changed; raises ApiError when a request fails."""
        raws = [raw async for raw in self._cluster.list(GPUPOOLS)]
        if not raws:
            POOLS.replace((), ())
            return
        pools: list[tuple[JSONObject, GPUPool]] = []
        unreadable: list[UnreadableObject] = []
        for raw in raws:
            pool = parse_or_explain(GPUPool, raw)
            if isinstance(pool, UnreadableObject):
                unreadable.append(pool)
            else:
                pools.append((raw, pool))
        resources = {pool.spec.gpu.resource for _, pool in pools}
        await self._list(resources)
        pods = [*self._other_pods, *self._stores.active_pods()]
        room, figures = False, []
        for raw, pool in pools:
            new = pool_status(pool, self._nodes, pods, self._now())
            figures.append(_figures(pool, new))
            if pool.status is not None and new.wire() == pool.status.wire():
                continue
            # Until its first pass, the CRD's default stands in the place of a status.
            counted = pool.status if pool.status is not None and pool.status.conditions else None
            room = room or counted is None or new.free != counted.free
            await self._write({**raw, "status": new.wire()})
        POOLS.replace(figures, [each.name for each in unreadable])
        if room:
            self._changed()
        for each in unreadable:
            await self._report_unreadable(each)

    async def _list(self, resources: set[str]) -> None:
        """Lists nodes and the pods that are in no store, unless that was just done."""
        if time.monotonic() - self._listed_at < LIST_SECONDS and resources <= self._resources:
            return
        self._nodes = [node async for node in self._cluster.list(NODES)]
        self._other_pods = [
            pod
            async for pod in self._cluster.list(PODS, None, self._listed_pods, ACTIVE_PODS)
            if any(requested_gpus(pod, resource) for resource in resources)
            and self._stores.pods.get((pod["metadata"]["namespace"], pod["metadata"]["name"]))
            is None
        ]
        self._listed_at, self._resources = time.monotonic(), resources

    async def _report_unreadable(self, pool: UnreadableObject) -> None:
        types = (PoolConditionType.AVAILABLE, PoolConditionType.READY)
        status = unreadable_status(
            pool.raw, types, Reason.POOL_UNREADABLE, pool.problem, self._now()
        )
        if status != pool.raw.get("status"):
            await self._write({**pool.raw, "status": status})

    async def _write(self, body: JSONObject) -> None:
        try:
            await self._cluster.write_status(GPUPOOLS, body)
        except Conflict:
            return  # edited meanwhile; its event causes the next pass


def _figures(pool: GPUPool, status: GPUPoolStatus) -> PoolFigures:
    ready = {c.type: c.status for c in status.conditions}.get(PoolConditionType.READY)
    return PoolFigures(
        name=pool.name,
        gpu_model=pool.spec.gpu.model,
        nodes=status.nodes,
        gpus=status.gpus,
        free=status.free,
        hourly_price=float(pool.spec.price),
        ready=ready == "True",
    )
