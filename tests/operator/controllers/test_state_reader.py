"""The order of reads: what a decision compares must not be older than what it is compared with."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any

from tests.kit.builders import begun, child, job

from dpojob_operator.controllers.dpojob import StateReader
from dpojob_operator.decide import PlanningRequest, Policy, Snapshot
from dpojob_operator.indexes import DependentsIndex


class Recorder:
    """Says in which order it is asked; lists the objects given by kind."""

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
    """Else a pod that got its node, and then lost its pool, would look like one that waits."""
    cluster = Recorder()
    nobody: Any = None
    observer = StateReader(cluster, Policy(), nobody, nobody, DependentsIndex())  # type: ignore[arg-type]
    status = begun()
    observed = Snapshot(job=job(status), training=child(status.attempts[0].job.name))
    await observer.read_for_planning(observed, PlanningRequest((), earlier_pods=False))
    order = [cluster.asked.index(f"{what}") for what in ("list gpupools", "get jobs", "list pods")]
    assert order == sorted(order)
