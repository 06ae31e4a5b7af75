"""An API server in memory that holds DPOJobs and CostQuotas, and replicas of the operator that see it late."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any

from dpojob_api.base import JSONObject
from dpojob_api.cost_quota import CostQuota
from dpojob_operator.controllers.costquota import CostQuotaController
from dpojob_operator.indexes import JobCosts, ObjectStores, QuotaIndex
from dpojob_operator.indexes.quota_index import read_quota
from dpojob_operator.kube import Conflict
from dpojob_operator.kube.resources import COSTQUOTAS, DPOJOBS, Resource

NAMESPACE = "ns"


class FakeApi:
    """Objects by kind and name, versions, and the events that each replica has not seen yet."""

    def __init__(self, now: datetime) -> None:
        self.now = now
        self.requests: list[str] = []
        self.objects: dict[str, dict[str, JSONObject]] = {"dpojobs": {}, "costquotas": {}}
        self.replicas: list[Replica] = []
        self.written: Callable[[CostQuota, CostQuota], None] = lambda old, new: None
        """Called with a quota before and after its status was written."""
        self._version = 0

    def store(self, resource: Resource, raw: JSONObject) -> JSONObject:
        """Creates or replaces an object."""
        self._version += 1
        name = raw["metadata"]["name"]
        known = name in self.objects[resource.plural]
        raw["metadata"] |= {"namespace": NAMESPACE, "resourceVersion": str(self._version)}
        raw["metadata"].setdefault("uid", f"uid-{self._version}")
        self.objects[resource.plural][name] = copy.deepcopy(raw)
        self._tell(resource, "MODIFIED" if known else "ADDED", raw)
        return raw

    def delete(self, resource: Resource, name: str) -> None:
        """Deletes an object; its event holds its last state."""
        self._version += 1
        raw = self.objects[resource.plural].pop(name)
        raw["metadata"]["resourceVersion"] = str(self._version)
        self._tell(resource, "DELETED", raw)

    def _tell(self, resource: Resource, event: str, raw: JSONObject) -> None:
        for replica in self.replicas:
            replica.events[resource].append((event, copy.deepcopy(raw)))

    def quota(self, name: str = "team") -> CostQuota:
        """A quota as it is stored."""
        return CostQuota.model_validate(self.objects["costquotas"][name])

    async def get(self, resource: Resource, namespace: str, name: str) -> JSONObject | None:
        """A live read."""
        self.requests.append(f"get {resource.plural}")
        return copy.deepcopy(self.objects[resource.plural].get(name))

    async def write_status(self, resource: Resource, body: JSONObject) -> JSONObject:
        """Replaces a status; raises Conflict when the object changed since it was read."""
        self.requests.append(f"put {resource.plural}")
        old = self.objects[resource.plural].get(body["metadata"]["name"])
        if old is None or old["metadata"]["resourceVersion"] != body["metadata"]["resourceVersion"]:
            raise Conflict(409, "the object has been modified")
        stored = self.store(resource, {**copy.deepcopy(old), "status": body["status"]})
        before, after = read_quota(old), read_quota(stored)
        if isinstance(before, QuotaIndex) and isinstance(after, QuotaIndex):
            self.written(before.quota, after.quota)
        return stored


class Replica:
    """One operator: its stores, which lag behind the API server, and its controller."""

    def __init__(self, api: FakeApi) -> None:
        self.api = api
        self.requeued: list[str] = []
        api.replicas.append(self)
        self.restart()

    def restart(self) -> None:
        """Forgets everything, and lists."""
        self.stores, self.costs = ObjectStores(), JobCosts()
        self.controller = CostQuotaController(
            self,  # type: ignore[arg-type]
            self.stores,
            self.costs,
            lambda key: self.requeued.append(key[1]),
            lambda: self.api.now,
        )
        self.events: dict[Resource, list[tuple[str, JSONObject]]] = {COSTQUOTAS: [], DPOJOBS: []}
        """What the watch of each kind has not brought yet."""
        for raw in self.api.objects["costquotas"].values():
            self._take(COSTQUOTAS, "LISTED", copy.deepcopy(raw))

    async def scan(
        self, resource: Resource, _: str, __: None, take: Callable[[JSONObject], None]
    ) -> None:
        self.api.requests.append(f"list {resource.plural}")
        for raw in list(self.api.objects[resource.plural].values()):
            take(copy.deepcopy(raw))

    async def get(self, *args: Any) -> JSONObject | None:
        return await self.api.get(*args)

    async def write_status(self, resource: Resource, body: JSONObject) -> JSONObject:
        stored = await self.api.write_status(resource, body)
        self.stores.observe(resource, copy.deepcopy(stored))
        return stored

    def see(self, resource: Resource, count: int | None = None) -> None:
        """Takes the next events of a watch, by default all."""
        events = self.events[resource]
        taken, events[:] = events[:count], events[len(events[:count]) :]
        for event, raw in taken:
            self._take(resource, event, raw)

    def _take(self, resource: Resource, event: str, raw: JSONObject) -> None:
        deleted = event == "DELETED"
        if resource is DPOJOBS:
            self.costs.record(raw, deleted=deleted)
        elif deleted:
            self.stores.quotas.remove((NAMESPACE, raw["metadata"]["name"]), raw["metadata"]["uid"])
        else:
            self.stores.quotas.apply(raw)

    def refresh(self) -> float | None:
        """One pass over the namespace's quotas. Raises Conflict."""
        return asyncio.run(self.controller.refresh(NAMESPACE))

    def settle(self) -> None:
        """Sees everything, and passes until the records are written."""
        self.see(DPOJOBS)
        self.see(COSTQUOTAS)
        self.refresh()


def quota(name: str = "team", max_cost: str = "100", period: str = "Month") -> JSONObject:
    """A CostQuota as a platform team writes it."""
    return {"metadata": {"name": name}, "spec": {"maxCost": max_cost, "period": period}}


def planned_job(name: str, plan_cost: float = 10, **status: Any) -> JSONObject:
    """A DPOJob that has a plan of this cost and waits for admission."""
    plan = {"hourlyPrice": "3600", "estimate": {"hours": 1, "cost": str(plan_cost)}}
    metadata = {"name": name, "creationTimestamp": "2026-11-23T10:00:00Z"}
    return {"metadata": metadata, "spec": {}, "status": {"plan": plan, **status}}


def attempt(spent: float, start: datetime | None, end: datetime | None = None) -> JSONObject:
    """An attempt that has cost so much: one GPU at 1 per second."""
    times = {"startTime": start, "endTime": end}
    written = {name: time.isoformat() for name, time in times.items() if time is not None}
    return {
        "number": 1,
        "job": {"name": "j"},
        "hourlyPrice": "3600",
        "gpuSeconds": spent,
        **written,
    }


def finished(raw: JSONObject) -> JSONObject:
    """The DPOJob with its condition Finished."""
    raw["status"]["conditions"] = [{"type": "Finished", "status": "True", "reason": "Completed"}]
    return raw


def amount(value: float) -> Decimal:
    """The value as the API has it."""
    return Decimal(str(value))
