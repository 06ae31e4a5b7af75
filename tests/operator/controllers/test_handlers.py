"""What lists and watches put into the work queue."""

from __future__ import annotations

from typing import Any

import pytest
from tests.kit.builders import POOL

from dpojob_api.constants import CONTROLLER_NAME, LABEL_JOB_NAME, LABEL_MANAGED_BY, MANAGED_BY
from dpojob_operator.controllers import Handlers
from dpojob_operator.indexes import (
    DependentsIndex,
    InspectionCache,
    JobCosts,
    ObjectStores,
    OutputLockIndex,
)
from dpojob_operator.indexes.object_stores import MAX_KEPT_BYTES
from dpojob_operator.kube.resources import COSTQUOTAS, DPOJOBS, GPUPOOLS, JOBS, PODS

KEY = ("ns", "x")
LABELS = {LABEL_MANAGED_BY: MANAGED_BY, LABEL_JOB_NAME: "x"}


def dpojob(version: int, **fields: Any) -> dict[str, Any]:
    metadata = {"namespace": "ns", "name": "x", "uid": "u", "resourceVersion": str(version)}
    return {"metadata": metadata, "spec": {}, **fields}


def child(version: int, labels: dict[str, str] = LABELS, **fields: Any) -> dict[str, Any]:
    metadata = {"namespace": "ns", "name": "c", "uid": "c", "resourceVersion": str(version)}
    return {"metadata": {**metadata, "labels": labels}, **fields}


class Queue:
    """Handlers, and the keys that they queued."""

    def __init__(self) -> None:
        self.keys: list[Any] = []
        self.later: set[Any] = set()
        """Those of them that may come after others."""
        self.refreshes = 0
        self.costs = JobCosts()
        self.quotas: list[tuple[str, float]] = []
        """Namespaces whose quotas are updated, and after how many seconds."""
        self.stores, self.dependents = ObjectStores(), DependentsIndex()
        unused: Any = None
        inspections = InspectionCache(unused, self.stores, "", self.dependents, unused)
        locks = OutputLockIndex(unused, self.dependents)
        self.handlers = Handlers(
            self.keys.append,
            self._later,
            self._refresh,
            self.stores,
            self.dependents,
            inspections,
            locks,
            self.costs,
            lambda namespace, after: self.quotas.append((namespace, after)),
        )

    def _later(self, key: Any) -> None:
        self.keys.append(key)
        self.later.add(key)

    def _refresh(self) -> None:
        self.refreshes += 1

    def take(self, resource: Any, event: str, raw: dict[str, Any]) -> list[Any]:
        """What this event queues."""
        self.keys.clear()
        self.later.clear()
        namespace = "ns" if resource.namespaced else None
        self.handlers.take_object(resource.path(namespace), event, raw)
        return list(self.keys)


def test_the_event_of_an_own_write_queues_only_who_waits_for_it() -> None:
    queue = Queue()
    assert queue.take(DPOJOBS, "ADDED", dpojob(1)) == [KEY]
    assert not queue.later
    queue.stores.observe(DPOJOBS, dpojob(2, status={"phase": "Training"}))
    queue.dependents.add_dependent(KEY, ("ns", "waits"))
    assert queue.take(DPOJOBS, "MODIFIED", dpojob(2, status={"phase": "Training"})) == [
        ("ns", "waits")
    ]
    assert queue.take(DPOJOBS, "MODIFIED", dpojob(3, spec={"suspend": True})) == [KEY]
    assert queue.take(DPOJOBS, "DELETED", dpojob(4)) == [KEY]


def test_an_edit_of_a_dpojob_that_is_too_large_to_be_kept_queues_it() -> None:
    queue, large = Queue(), {"training": {"arguments": {"a": "x" * MAX_KEPT_BYTES}}}
    assert queue.take(DPOJOBS, "ADDED", {**dpojob(1), "spec": {**large, "suspend": True}}) == [KEY]
    edited = {**dpojob(2), "spec": {**large, "suspend": False}}
    assert queue.take(DPOJOBS, "MODIFIED", edited) == [KEY]
    assert queue.take(DPOJOBS, "MODIFIED", edited) == []


@pytest.mark.parametrize("version", [2, 3])
def test_a_change_that_was_read_before_its_event_queues_its_dpojob_once(version: int) -> None:
    queue = Queue()
    queue.take(DPOJOBS, "ADDED", dpojob(1))
    edited = dpojob(2, spec={"suspend": True})
    queue.stores.dpojobs.apply_read(edited)
    assert queue.take(DPOJOBS, "MODIFIED", {**dpojob(version), "spec": edited["spec"]}) == [KEY]
    assert queue.take(DPOJOBS, "MODIFIED", {**dpojob(version), "spec": edited["spec"]}) == []


@pytest.mark.parametrize("resource", [JOBS, PODS])
def test_a_child_queues_its_dpojob_where_a_decision_reads_the_change(resource: Any) -> None:
    queue = Queue()
    assert queue.take(resource, "ADDED", child(1, status={})) == [KEY]
    assert queue.later == {KEY}
    assert queue.take(resource, "MODIFIED", child(2, status={"startTime": "later"})) == []
    changed = {"phase": "Failed", "conditions": [{"type": "Failed", "status": "True"}]}
    assert queue.take(resource, "MODIFIED", child(3, status=changed)) == [KEY]
    assert queue.take(resource, "DELETED", child(4)) == [KEY]
    assert queue.take(resource, "ADDED", child(5, labels={})) == [], "it was seen deleted"


def test_a_list_queues_what_is_gone() -> None:
    queue = Queue()
    queue.take(DPOJOBS, "ADDED", dpojob(1))
    queue.take(JOBS, "ADDED", child(1))
    queue.keys.clear()
    for resource in (JOBS, DPOJOBS):
        queue.handlers.take_list(resource.path("other"), frozenset(), "9")
        assert queue.keys == [], "a list of another namespace"
    for resource in (JOBS, DPOJOBS):
        queue.handlers.take_list(resource.path(), frozenset(), "9")
    assert queue.keys == [KEY, KEY]


def test_the_version_of_a_list_is_given_once() -> None:
    queue = Queue()
    assert queue.handlers.pop_listed_version(JOBS.path()) is None
    for version in ("8", "9"):
        queue.handlers.take_list(JOBS.path(), frozenset(), version)
    assert queue.handlers.pop_listed_version(PODS.path()) is None
    assert queue.handlers.pop_listed_version(JOBS.path()) == "9"
    assert queue.handlers.pop_listed_version(JOBS.path()) is None


def test_a_pool_queues_the_jobs_that_are_planned_on_pools() -> None:
    queue = Queue()
    queue.dependents.set_waiting(KEY, for_pools=True, for_room=False)
    spec = POOL.wire()

    def pool(version: int, price: str = "1", **fields: Any) -> dict[str, Any]:
        metadata = {"name": "p", "uid": "p", "resourceVersion": str(version)}
        return {"metadata": metadata, "spec": {**spec, "hourlyPrice": price}, **fields}

    assert queue.take(GPUPOOLS, "ADDED", pool(1)) == [KEY]
    assert queue.later == {KEY}
    counted = {"nodes": 1, "gpus": 1, "free": 1}
    assert queue.take(GPUPOOLS, "MODIFIED", pool(2, status=counted)) == []
    assert queue.take(GPUPOOLS, "MODIFIED", pool(3, "2", status=counted)) == [KEY]
    assert queue.take(GPUPOOLS, "DELETED", pool(4, "2")) == [KEY]
    assert queue.refreshes == 4


def test_a_dpojob_of_another_controller_queues_the_jobs_that_wait_for_it_alone() -> None:
    queue = Queue()
    queue.dependents.add_dependent(KEY, ("ns", "waits"))
    elsewhere = dpojob(1, spec={"managedBy": "kueue.x-k8s.io/multikueue"})
    assert queue.take(DPOJOBS, "ADDED", elsewhere) == [("ns", "waits")]
    assert queue.take(DPOJOBS, "MODIFIED", {**elsewhere, **dpojob(2, spec=elsewhere["spec"])}) == []
    assert queue.take(DPOJOBS, "ADDED", dpojob(3, spec={"managedBy": CONTROLLER_NAME})) == [KEY]


def costs(version: int, seconds: float) -> dict[str, Any]:
    attempt = {"number": 1, "job": {"name": "j"}, "hourlyPrice": "1", "gpuSeconds": seconds}
    return dpojob(version, status={"attempts": [attempt]})


def test_what_a_job_costs_queues_the_quotas_of_its_namespace_where_there_are_any() -> None:
    queue = Queue()
    queue.take(DPOJOBS, "ADDED", costs(1, 10))
    queue.take(DPOJOBS, "DELETED", costs(2, 10))
    assert queue.quotas == []
    metadata = {"namespace": "ns", "name": "team", "uid": "q", "resourceVersion": "3"}
    queue.take(COSTQUOTAS, "ADDED", {"metadata": metadata, "spec": {"maxCost": "10"}})
    queue.costs.follow("ns")
    queue.take(DPOJOBS, "ADDED", costs(4, 10) | {"metadata": dpojob(4)["metadata"] | {"uid": "v"}})
    assert queue.quotas == [("ns", 0.0), ("ns", 0.0)], "of a job that is new, at once"
    later = dpojob(5)["metadata"] | {"uid": "v"}
    queue.take(DPOJOBS, "MODIFIED", costs(5, 20) | {"metadata": later})
    queue.take(DPOJOBS, "MODIFIED", costs(6, 20) | {"metadata": later | {"resourceVersion": "6"}})
    assert queue.quotas[2:] == [("ns", 1.0)], "readings of many jobs become one write"
