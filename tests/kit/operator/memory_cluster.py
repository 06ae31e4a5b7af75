"""An API server in memory, in place of the API client: it shows changes to a sink as watches do, and counts requests.

What controllers, nodes and users do is written by the test, and is not counted.
"""

from __future__ import annotations

import asyncio
import copy
import itertools
import json
import re
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

from dpojob_api.base import JSONObject
from dpojob_operator.controllers.dpojob.pod_ownership import (
    FINALIZER_TRACKING,
    LABEL_CONTROLLER_UID,
)
from dpojob_operator.kube import Conflict, Key, ObjectSink
from dpojob_operator.kube.resources import CLAIMS, DPOJOBS, GPUPOOLS, JOBS, PODS, Resource

IDLE_TURNS = 100
"""Turns of the event loop without a request, after which nothing but timers is left."""
WATCHED = (DPOJOBS, GPUPOOLS, JOBS, PODS, CLAIMS)
REQUIREMENT = re.compile(r"([^\s,=!]+)(=|!=| in )(\([^)]*\)|[^,]*)")
"""Label, operator and values of one part of a label selector."""
TIME = "2026-11-23T12:00:00Z"
"""The time of everything that is created or happens."""


class MemoryCluster:
    """Objects by kind and key, with the methods of the API client."""

    def __init__(self) -> None:
        self.requests: Counter[str] = Counter()
        """The requests by verb and resource."""
        self.observe: Callable[[Resource, JSONObject], None] = lambda resource, raw: None
        self.sink: ObjectSink | None = None
        """Takes the events of all watches."""
        self.progress: JSONObject | None = None
        """What every pod answers about its progress; None: it does not."""
        self._objects: dict[str, dict[Key, JSONObject]] = {}
        self._versions = itertools.count(1)

    def put(self, resource: Resource, raw: Mapping[str, Any]) -> JSONObject:
        """Creates or replaces an object, as another client than the operator does."""
        version = str(next(self._versions))
        found: JSONObject = copy.deepcopy(dict(raw))
        metadata = found["metadata"]
        event = "MODIFIED" if "uid" in metadata else "ADDED"
        metadata.setdefault("uid", f"uid-{version}")
        metadata.setdefault("creationTimestamp", TIME)
        metadata.setdefault("generation", 1)
        metadata["resourceVersion"] = version
        self._kind(resource)[_key(found)] = found
        self._show(resource, event, found)
        return copy.deepcopy(found)

    def objects(self, resource: Resource) -> list[JSONObject]:
        """Returns all objects of a kind."""
        return [copy.deepcopy(found) for found in self._kind(resource).values()]

    def start_pod(self, job: JSONObject, **spec: Any) -> JSONObject:
        """Creates the pod of a Job, as the Job controller does."""
        template, metadata = job["spec"]["template"], job["metadata"]
        owner = {"apiVersion": "batch/v1", "kind": "Job", "controller": True}
        labels = {**template["metadata"]["labels"], LABEL_CONTROLLER_UID: metadata["uid"]}
        pod = {
            "metadata": {
                "name": f"{metadata['name']}-0",
                "namespace": metadata["namespace"],
                "labels": labels,
                "finalizers": [FINALIZER_TRACKING],
                "ownerReferences": [{**owner, "name": metadata["name"], "uid": metadata["uid"]}],
            },
            "spec": {**template["spec"], **spec},
            "status": {"phase": "Pending"},
        }
        return self.put(PODS, pod)

    def run_pod(self, pod: JSONObject, message: JSONObject | None = None) -> JSONObject:
        """The pod's container runs on a node; with `message`, it has succeeded with that message."""
        name = pod["spec"]["containers"][0]["name"]
        state: JSONObject = {"running": {"startedAt": TIME}}
        if message is not None:
            ended = {"startedAt": TIME, "finishedAt": TIME, "exitCode": 0}
            state = {"terminated": {**ended, "message": json.dumps(message)}}
        status = {
            "phase": "Running" if message is None else "Succeeded",
            "podIP": "10.0.0.1",
            "conditions": [{"type": "PodScheduled", "status": "True", "lastTransitionTime": TIME}],
            "containerStatuses": [{"name": name, "state": state}],
        }
        return self.put(
            PODS, {**pod, "spec": {**pod["spec"], "nodeName": "node"}, "status": status}
        )

    def complete_job(self, job: JSONObject) -> JSONObject:
        """The Job has succeeded, as the Job controller writes it."""
        condition = {"type": "Complete", "status": "True", "lastTransitionTime": TIME}
        return self.put(JOBS, {**job, "status": {"conditions": [condition]}})

    async def until_idle(self) -> None:
        """Waits until nothing more is requested; what is due after some seconds is not waited for."""
        turns, before = 0, -1
        while turns < IDLE_TURNS:
            turns = turns + 1 if self.requests.total() == before else 0
            before = self.requests.total()
            await asyncio.sleep(0)

    async def get(self, resource: Resource, namespace: str | None, name: str) -> JSONObject | None:
        await self._count("get", resource)
        return copy.deepcopy(self._kind(resource).get((namespace or "", name)))

    async def list(
        self,
        resource: Resource,
        namespace: str | None = None,
        labels: Mapping[str, str] | str | None = None,
        fields: str | None = None,
    ) -> AsyncIterator[JSONObject]:
        await self._count("list", resource)
        if isinstance(labels, Mapping):
            labels = ",".join(f"{label}={value}" for label, value in labels.items())
        for found in self.objects(resource):
            if namespace in (None, _key(found)[0]) and _is_selected(found, labels or ""):
                yield found

    async def scan(
        self,
        resource: Resource,
        namespace: str | None,
        labels: Mapping[str, str] | None,
        take: Callable[[JSONObject], None],
    ) -> str:
        async for found in self.list(resource, namespace, labels):
            take(found)
        return str(next(self._versions))

    async def create(self, resource: Resource, body: JSONObject) -> JSONObject:
        await self._count("create", resource)
        if _key(body) in self._kind(resource):
            raise Conflict(409, "it exists")
        return self._answer(resource, self.put(resource, body))

    async def write_status(self, resource: Resource, body: JSONObject) -> JSONObject:
        await self._count("update", resource, "/status")
        found = self._kind(resource)[_key(body)]
        if found["metadata"]["resourceVersion"] != body["metadata"]["resourceVersion"]:
            raise Conflict(409, "it changed")
        return self._answer(resource, self.put(resource, {**found, "status": body["status"]}))

    async def read_from_pod(self, *_: Any) -> bytes:
        if self.progress is None:
            raise OSError("no answer")
        return json.dumps(self.progress).encode()

    async def _count(self, verb: str, resource: Resource, sub: str = "") -> None:
        self.requests[f"{verb} {resource.plural}{sub}"] += 1
        await asyncio.sleep(0)

    def _answer(self, resource: Resource, found: JSONObject) -> JSONObject:
        answer: JSONObject = copy.deepcopy(found)
        self.observe(resource, answer)
        return answer

    def _kind(self, resource: Resource) -> dict[Key, JSONObject]:
        return self._objects.setdefault(resource.plural, {})

    def _show(self, resource: Resource, event: str, found: JSONObject) -> None:
        if self.sink is not None and resource in WATCHED:
            path, shown = resource.path(), copy.deepcopy(found)
            asyncio.get_running_loop().call_soon(self.sink.take_object, path, event, shown)


def _key(raw: Mapping[str, Any]) -> Key:
    return raw["metadata"].get("namespace", ""), raw["metadata"]["name"]


def _is_selected(raw: Mapping[str, Any], selector: str) -> bool:
    """Whether the object's labels meet a selector of `=`, `!=` and `in`."""
    labels = raw["metadata"].get("labels") or {}
    for label, operator, values in REQUIREMENT.findall(selector):
        if (labels.get(label) in values.strip("()").split(",")) is (operator == "!="):
            return False
    return True
