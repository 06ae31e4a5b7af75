"""The order of reads: what a decision compares must not be older than what it is compared with."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any

from tests.kit.builders import job, job_snapshot, training_status

from dpojob_operator.controllers.dpojob import StateReader
from dpojob_operator.decide import PlanningRequest, Policy, Snapshot
from dpojob_operator.indexes import DependentsIndex


class Recorder:
    """A stand-in for the API client that records its requests and lists the given objects by kind."""

    def __init__(self, listed: Mapping[str, list[dict[str, Any]]] | None = None) -> None:
        self.asked: list[str] = []
        self._listed = listed or {}

    async def get(self, resource: Any, namespace: str | None, name: str) -> dict[str, Any] | None:
        self.asked.append(f"get {resource.plural}")
        if resource.plural != "jobs":
            return None
        return {"metadata": {"name": name, "uid": "u"}}

    async def list(self, resource: Any, *_: Any) -> AsyncIterator[dict[str, Any]]:
        self.asked.append(f"list {resource.plural}")
        for one in self._listed.get(resource.plural, []):
            yield one


async def test_pods_are_read_after_the_pools_their_job_waits_for() -> None:
    """Otherwise a pod whose pool was removed after it was bound to a node would seem to wait."""
    cluster = Recorder()
    unused: Any = None
    reader = StateReader(cluster, Policy(), unused, unused, DependentsIndex())  # type: ignore[arg-type]
    status = training_status()
    snapshot = Snapshot(job=job(status), training=job_snapshot(status.attempts[0].job.name))
    await reader.read_for_planning(snapshot, PlanningRequest((), earlier_pods=False))
    order = [cluster.asked.index(f"{what}") for what in ("list gpupools", "get jobs", "list pods")]
    assert order == sorted(order)
