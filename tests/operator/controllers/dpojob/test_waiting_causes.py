"""Why a Job has no pod: read from Kueue and from Events, only while it has none, and never required."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from tests.kit.builders import (
    NOW,
    RUNNING,
    build_snapshot,
    job_snapshot,
    training,
    training_status,
)

from dpojob_operator.controllers.dpojob.waiting_causes import with_waiting_cause
from dpojob_operator.decide import Snapshot
from dpojob_operator.decide.object_snapshots import WorkloadSnapshot
from dpojob_operator.kube import ApiError, NotFound

QUEUE = {"kueue.x-k8s.io/queue-name": "team"}
LONG_AGO = NOW - timedelta(minutes=1)
WORKLOAD = {
    "spec": {"queueName": "team"},
    "status": {
        "conditions": [
            {
                "type": "QuotaReserved",
                "status": "False",
                "reason": "Pending",
                "message": "insufficient unused quota",
            }
        ]
    },
}
EVENTS = [
    {"message": "old", "lastTimestamp": "2026-11-23T11:59:00Z"},
    {"message": "exceeded quota: team", "lastTimestamp": "2026-11-23T11:59:30Z"},
    {
        "message": "of a newer API",
        "lastTimestamp": None,
        "eventTime": "2026-11-23T11:59:10.000000Z",
    },
]


class Cluster:
    """A stand-in for the API client: lists by kind or version; an exception is raised."""

    def __init__(self, **listed: Any) -> None:
        self.asked: list[tuple[str, Any, Any]] = []
        self._listed = listed

    async def list(
        self, resource: Any, namespace: str, labels: Any = None, fields: Any = None
    ) -> AsyncIterator[dict[str, Any]]:
        self.asked.append((resource.path(namespace), labels, fields))
        version = resource.prefix.rpartition("/")[2]
        found = self._listed.get(resource.plural if version == "v1" else version, [])
        if isinstance(found, Exception):
            raise found
        for one in found:
            yield one


async def read(cluster: Cluster, snapshot: Snapshot) -> Snapshot:
    return await with_waiting_cause(cluster, snapshot, NOW)  # type: ignore[arg-type]


def trains(*pods: Any, **job: Any) -> Snapshot:
    status = training_status()
    facts = {"created": LONG_AGO, **job}
    return build_snapshot(status, training=training(status, **facts), training_pods=pods)


async def test_a_rejected_pod_is_read_from_the_jobs_newest_event() -> None:
    cluster, snapshot = Cluster(events=EVENTS), trains()
    assert (await read(cluster, snapshot)).pod_rejection == "exceeded quota: team"
    assert snapshot.training is not None
    fields = f"involvedObject.uid={snapshot.training.uid},reason=FailedCreate"
    assert cluster.asked == [("/api/v1/namespaces/ns/events", None, fields)]


async def test_the_inspection_jobs_pods_are_asked_about_too() -> None:
    seen = job_snapshot("inspect", created=LONG_AGO)
    read_ = await read(Cluster(events=EVENTS), build_snapshot(inspection=seen))
    assert read_.pod_rejection == "exceeded quota: team"


@pytest.mark.parametrize(
    "snapshot",
    [
        trains(RUNNING),
        trains(created=NOW - timedelta(seconds=9)),
        trains(complete=True),
        trains(owner="another"),
        trains(suspended=True),
        build_snapshot(),
    ],
    ids=["a pod", "just created", "ended", "another's", "held without a queue", "no Job"],
)
async def test_nothing_is_asked_where_it_explains_nothing(snapshot: Snapshot) -> None:
    cluster = Cluster()
    assert await read(cluster, snapshot) == snapshot
    assert cluster.asked == []


async def test_a_held_job_has_what_kueue_says_in_the_version_that_it_serves() -> None:
    cluster = Cluster(v1beta2=NotFound(404, "no such version"), v1beta1=[WORKLOAD])
    snapshot = await read(cluster, trains(suspended=True, queue_labels=QUEUE))
    assert snapshot.workload == WorkloadSnapshot("team", "Pending", "insufficient unused quota")
    uid = snapshot.training.uid if snapshot.training else ""
    assert cluster.asked == [
        (
            f"/apis/kueue.x-k8s.io/{version}/namespaces/ns/workloads",
            {"kueue.x-k8s.io/job-uid": uid},
            None,
        )
        for version in ("v1beta2", "v1beta1")
    ]


@pytest.mark.parametrize(
    "answer",
    [NotFound(404, "no Kueue"), ApiError(403, "an older role"), ApiError(0, "no answer"), []],
)
async def test_without_an_answer_the_wait_is_not_explained_and_nothing_fails(answer: Any) -> None:
    held = trains(suspended=True, queue_labels=QUEUE)
    assert (await read(Cluster(v1beta2=answer, v1beta1=answer), held)).workload is None
    assert (await read(Cluster(events=answer), trains())).pod_rejection == ""
