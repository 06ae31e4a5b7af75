"""The order of reads: what a decision compares must not be older than what it is compared with."""

from __future__ import annotations

from typing import Any, cast

import pytest
from tests.kit.builders import UID, job, job_snapshot, training_status
from tests.kit.operator.api_clients import Recorder

from dpojob_api.constants import (
    LABEL_JOB_NAME,
    LABEL_JOB_UID,
    LABEL_MANAGED_BY,
    LABEL_STAGE,
    MANAGED_BY,
    STAGE_TRAIN,
)
from dpojob_api.job import ChildJob, DPOJob, DPOJobStatus
from dpojob_operator.controllers.dpojob import StateReader
from dpojob_operator.decide import PlanningRequest, Policy, Snapshot
from dpojob_operator.indexes import DependentsIndex, ObjectStores
from dpojob_operator.kube.resources import COSTQUOTAS, GPUPOOLS, JOBS, PODS


async def test_pods_are_read_after_the_pools_their_job_waits_for() -> None:
    """Otherwise a pod whose pool was removed after it was bound to a node would seem to wait."""
    cluster = Recorder()
    unused: Any = None
    reader = StateReader(cluster, ObjectStores(), Policy(), unused, unused, DependentsIndex())  # type: ignore[arg-type]
    status = training_status()
    snapshot = Snapshot(job=job(status), training=job_snapshot(status.attempts[0].job.name))
    await reader.read_for_planning(snapshot, PlanningRequest((), earlier_pods=False), live=True)
    order = [cluster.asked.index(f"{what}") for what in ("list gpupools", "get jobs", "list pods")]
    assert order == sorted(order)


@pytest.mark.parametrize(
    ("live", "asked"),
    [(False, []), (True, ["list costquotas", "list gpupools", "get jobs", "list pods"])],
    ids=["from the stores", "confirmed"],
)
async def test_a_planned_decision_is_confirmed_by_the_quotas_and_the_inspection(
    live: bool, asked: list[str]
) -> None:
    cluster, stores, unused = Recorder(), ObjectStores(), cast(Any, None)
    metadata = {"namespace": "ns", "name": "kept", "uid": "k", "resourceVersion": "1"}
    stores.observe(COSTQUOTAS, {"metadata": metadata, "spec": {"maxCost": 1}})
    stores.observe(GPUPOOLS, {"metadata": {**metadata, "namespace": None}, "spec": {}})
    reader = StateReader(cluster, stores, Policy(), unused, unused, DependentsIndex())  # type: ignore[arg-type]
    snapshot = Snapshot(job=job(DPOJobStatus(inspection=ChildJob(name="x-inspect"))))
    request = PlanningRequest((), earlier_pods=False)
    await reader.read_for_planning(snapshot, request, live=live)
    assert sorted(cluster.asked) == sorted(asked)


class Chain:
    """A stand-in for the API client: `get` returns the DPOJobs, each of which tunes another's output."""

    def __init__(self, references: dict[str, str]) -> None:
        self._references = references

    def job(self, name: str) -> DPOJob:
        made = job(None, model={"fromJob": {"name": self._references[name]}})
        made.metadata |= {"name": name, "uid": f"uid-of-{name}"}
        return made

    async def get(self, resource: Any, namespace: str, name: str) -> dict[str, Any] | None:
        if resource.plural != "dpojobs" or name not in self._references:
            return None
        return self.job(name).model_dump(mode="json", by_alias=True, exclude_none=True)


@pytest.mark.parametrize(
    ("references", "cycle"),
    [
        ({"x": "x"}, ("x", "x")),
        ({"x": "a", "a": "x"}, ("x", "a", "x")),
        ({"x": "a", "a": "b", "b": "x"}, ("x", "a", "b", "x")),
        ({"x": "a", "a": "b", "b": "a"}, ()),
        ({"x": "0", **{str(n): str(n + 1) for n in range(150)}}, ()),
    ],
    ids=["itself", "two", "three", "not part of it", "a chain of 150"],
)
async def test_only_jobs_that_lead_back_to_themselves_are_a_cycle(
    references: dict[str, str], cycle: tuple[str, ...]
) -> None:
    chain = Chain(references)
    unused: Any = None
    reader = StateReader(chain, ObjectStores(), Policy(), unused, unused, DependentsIndex())  # type: ignore[arg-type]
    snapshot = await reader.read(chain.job("x"))
    assert snapshot.dependency.cycle == cycle


async def test_training_jobs_of_earlier_attempts_are_read_by_their_owner() -> None:
    status = training_status()
    second = status.attempts[0].model_copy(
        update={"number": 2, "job": ChildJob(name="second"), "start_time": None}
    )
    status.attempts.append(second)
    owner = {"controller": True, "uid": UID}
    listed = [
        {"metadata": {"name": name, "uid": name, "ownerReferences": [{**owner, **other}]}}
        for name, other in (("first", {}), ("second", {}), ("foreign", {"uid": "other"}))
    ]
    unused: Any = None
    cluster = Recorder({"jobs": listed})
    reader = StateReader(cluster, ObjectStores(), Policy(), unused, unused, DependentsIndex())  # type: ignore[arg-type]
    snapshot = await reader.read(job(status))
    assert [found.name for found in snapshot.earlier_trainings] == ["first"]


def stored_training(stores: ObjectStores, name: str, **status: Any) -> None:
    metadata = {"namespace": "ns", "name": name, "uid": "u", "resourceVersion": "5"}
    stores.observe(JOBS, {"metadata": metadata, "status": status})


@pytest.mark.parametrize(
    ("known", "live", "asked"),
    [
        (True, False, []),
        (True, True, ["get jobs", "list pods"]),
        (False, False, ["get jobs"]),
    ],
    ids=["in the store", "confirmed", "absent"],
)
async def test_a_child_is_asked_for_where_it_is_absent_and_to_confirm(
    known: bool, live: bool, asked: list[str]
) -> None:
    status, stores = training_status(), ObjectStores()
    if known:
        stored_training(stores, status.attempts[0].job.name)
    cluster, unused = Recorder(), cast(Any, None)
    reader = StateReader(cluster, stores, Policy(), unused, unused, DependentsIndex())  # type: ignore[arg-type]
    snapshot = await reader.read(job(status), live=live)
    assert snapshot.training is not None
    assert [request for request in cluster.asked if request != "list pods" or live] == asked


async def test_the_end_of_a_job_is_final_and_its_pods_are_confirmed() -> None:
    status, stores = training_status(), ObjectStores()
    ended = {"type": "Complete", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"}
    stored_training(stores, status.attempts[0].job.name, conditions=[ended])
    cluster, unused = Recorder(), cast(Any, None)
    reader = StateReader(cluster, stores, Policy(), unused, unused, DependentsIndex())  # type: ignore[arg-type]
    snapshot = await reader.read(job(status), live=True)
    assert snapshot.training is not None and snapshot.training.complete
    assert cluster.asked == ["list pods"]


@pytest.mark.parametrize("live", [False, True], ids=["from the store", "live"])
async def test_a_pod_whose_time_was_counted_is_still_the_jobs_without_its_finalizer(
    live: bool,
) -> None:
    status, stores = training_status(), ObjectStores()
    name = status.attempts[0].job.name
    status.attempts[0].pod_seconds = {"pod-uid": 5.0}
    reference = {"apiVersion": "batch/v1", "kind": "Job", "name": name, "controller": True}
    found = {
        "metadata": {
            "namespace": "ns", "name": "pod", "uid": "pod-uid", "resourceVersion": "7",
            "creationTimestamp": "2026-11-23T11:30:00Z",
            "labels": {
                "batch.kubernetes.io/controller-uid": "u", LABEL_MANAGED_BY: MANAGED_BY,
                LABEL_JOB_NAME: "x", LABEL_JOB_UID: UID, LABEL_STAGE: STAGE_TRAIN,
            },
            "ownerReferences": [{**reference, "uid": "u"}],
        },
        "spec": {"containers": []}, "status": {"phase": "Running"},
    }  # fmt: skip
    training = {"metadata": {"namespace": "ns", "name": name, "uid": "u", "resourceVersion": "5"}}
    stores.observe(JOBS, training)
    stores.observe(PODS, found)
    cluster, unused = Recorder({"jobs": [training], "pods": [found]}), cast(Any, None)
    reader = StateReader(cluster, stores, Policy(), unused, unused, DependentsIndex())  # type: ignore[arg-type]
    snapshot = await reader.read(job(status), live=live)
    assert [pod.uid for pod in snapshot.training_pods] == ["pod-uid"]


async def test_a_child_that_is_gone_leaves_the_store() -> None:
    status, stores = training_status(), ObjectStores()
    name = status.attempts[0].job.name
    stored_training(stores, name)

    class Empty(Recorder):
        async def get(self, resource: Any, namespace: str | None, name: str) -> None:
            return None

    unused: Any = None
    reader = StateReader(Empty(), stores, Policy(), unused, unused, DependentsIndex())  # type: ignore[arg-type]
    snapshot = await reader.read(job(status), live=True)
    assert snapshot.training is None and stores.jobs.get(("ns", name)) is None
