"""Pools of another version of the CRD beside pools that this version reads."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

from prometheus_client import REGISTRY

from dpojob_api.base import JSONObject
from dpojob_operator.controllers.gpupool import GPUPoolController
from dpojob_operator.indexes import ObjectStores
from dpojob_operator.kube import ApiError
from dpojob_operator.kube.resources import GPUPOOLS, Resource

NOW = datetime(2026, 11, 23, tzinfo=UTC)
GPU = {"model": "T4", "memoryGiB": 16}


class Cluster:
    """Pools, and no node."""

    def __init__(self, *pools: JSONObject) -> None:
        self.pools = {pool["metadata"]["name"]: pool for pool in pools}
        self.writes: list[str] = []
        self.refuses: str | None = None
        """The pool whose status the API server does not take."""

    async def list(self, resource: Resource, *_: Any) -> AsyncIterator[JSONObject]:
        for pool in self.pools.values() if resource is GPUPOOLS else ():
            yield copy.deepcopy(pool)

    async def write_status(self, _: Resource, body: JSONObject) -> None:
        name = body["metadata"]["name"]
        if name == self.refuses:
            raise ApiError(422, "invalid")
        self.writes.append(name)
        self.pools[name] = copy.deepcopy(body)


def pool(name: str, **spec: Any) -> JSONObject:
    metadata = {"name": name, "generation": 4, "resourceVersion": "1"}
    return {"metadata": metadata, "spec": {"gpu": GPU, "hourlyPrice": "1.00", **spec}}


def controller(cluster: Cluster, changes: list[str]) -> GPUPoolController:
    made: Any = cluster
    return GPUPoolController(
        made, ObjectStores(), lambda: changes.append("room"), lambda: NOW, watches_all_namespaces=True
    )  # fmt: skip


def reasons(pool: JSONObject) -> dict[str, tuple[str, str]]:
    return {c["type"]: (c["status"], c["reason"]) for c in pool["status"]["conditions"]}


def ready(name: str) -> float | None:
    return REGISTRY.get_sample_value("dpojob_pool_ready", {"pool": name})


def test_a_pool_that_cannot_be_read_says_so_once_and_keeps_what_another_version_wrote() -> None:
    newer = pool("newer", shape="2x2")
    newer["status"] = {"free": 3, "slices": 2, "conditions": []}
    cluster, changes = Cluster(newer, pool("plain")), []
    found = controller(cluster, changes)
    for _ in range(2):
        asyncio.run(found.refresh())
    assert sorted(cluster.writes) == ["newer", "plain"]
    written = cluster.pools["newer"]
    assert reasons(written) == {
        "Available": ("False", "PoolUnreadable"), "Ready": ("False", "PoolUnreadable"),
    }  # fmt: skip
    assert {"free": 3, "slices": 2, "observedGeneration": 4}.items() <= written["status"].items()
    message = written["status"]["conditions"][0]["message"]
    assert "spec.shape" in message and "same version" in message
    assert (ready("newer"), ready("plain")) == (0, 1)


def test_a_pool_that_cannot_be_read_or_written_stops_no_other() -> None:
    cluster, changes = Cluster(pool("newer", shape="2x2"), pool("plain")), []
    cluster.refuses = "newer"
    found = controller(cluster, changes)
    try:
        asyncio.run(found.refresh())
    except ApiError as error:
        assert error.status == 422
    else:
        raise AssertionError("the pass is counted as failed")
    assert reasons(cluster.pools["plain"])["Ready"] == ("True", "ScaledToZero")
    assert changes == ["room"] and (ready("newer"), ready("plain")) == (0, 1)


def test_a_pool_that_can_be_read_again_gets_its_own_status() -> None:
    cluster = Cluster(pool("p", shape="2x2"))
    found = controller(cluster, [])
    asyncio.run(found.refresh())
    del cluster.pools["p"]["spec"]["shape"]
    asyncio.run(found.refresh())
    assert reasons(cluster.pools["p"])["Ready"] == ("True", "ScaledToZero")
    assert ready("p") == 1
