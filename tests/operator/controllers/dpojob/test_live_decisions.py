"""A decision that cannot be taken back is made from live reads, whatever was decided before them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from tests.kit.builders import FixedClock, job
from tests.kit.operator.api_clients import Recorder

from dpojob_api.base import JSONObject
from dpojob_api.job import DPOJob, DPOJobStatus
from dpojob_operator.controllers.dpojob import Reconciler, reconciler
from dpojob_operator.controllers.dpojob.namespace_quotas import with_quotas
from dpojob_operator.decide import Decision, PlanningRequest, Policy, Snapshot
from dpojob_operator.indexes import DependentsIndex, ObjectStores

PLANNING = PlanningRequest((), earlier_pods=False)
NOTHING = Decision(DPOJobStatus())
FINISHED = {
    "conditions": [
        {"type": "Finished", "status": "True", "reason": "Completed", "observedGeneration": 1,
         "lastTransitionTime": "2026-11-23T12:00:00Z"}
    ]
}  # fmt: skip
ENDS = Decision(DPOJobStatus.model_validate(FINISHED))


class Reader:
    """A stand-in for the reader of states that notes what is read live."""

    def __init__(self) -> None:
        self.live: list[tuple[str, bool]] = []

    async def read_job(self, key: Any, *, live: bool) -> JSONObject:
        return job(None).model_dump(mode="json", by_alias=True, exclude_none=True)

    async def read(self, found: DPOJob, *, live: bool) -> Snapshot:
        self.live.append(("children", live))
        return Snapshot(job=found, policy=Policy())

    async def read_for_planning(
        self, snapshot: Snapshot, request: PlanningRequest, *, live: bool
    ) -> tuple[Snapshot, list[Any], dict[str, Any]]:
        self.live.append(("planning", live))
        return snapshot, [], {}


class Idle:
    """A stand-in for the poller, the Events and the API client: nothing trains, and nothing may be written."""

    notice_seconds = 30.0

    def stop(self, key: Any) -> None:
        pass


@pytest.mark.parametrize(
    ("made", "planned", "reads"),
    [
        ([PLANNING, PLANNING], [ENDS, NOTHING], [("planning", True)]),
        ([ENDS, NOTHING], [], [("children", True)]),
        ([ENDS, PLANNING], [NOTHING], [("children", True), ("planning", True)]),
        ([PLANNING, ENDS, NOTHING], [ENDS], [("children", True)]),
        ([PLANNING, ENDS, PLANNING], [ENDS, NOTHING], [("children", True), ("planning", True)]),
    ],
    ids=["planned twice", "never planned", "planned live", "no longer planned", "planned again"],
)
async def test_an_end_is_confirmed_by_live_reads(
    made: list[Decision | PlanningRequest],
    planned: list[Decision],
    reads: list[tuple[str, bool]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first: Iterator[Decision | PlanningRequest] = iter(made)
    second = iter(planned)
    monkeypatch.setattr(reconciler, "decide", lambda *_: next(first))
    monkeypatch.setattr(reconciler, "decide_with_pools", lambda *_: next(second))
    reader, idle = Reader(), Idle()
    passes = Reconciler(
        idle, reader, idle, idle, DependentsIndex(), idle, FixedClock(), {}, 1.0  # type: ignore[arg-type]
    )  # fmt: skip
    assert await passes.reconcile(("ns", "x")) is None
    assert [read for read in reader.live if read[1]] == reads
    assert list(first) == list(second) == []


@pytest.mark.parametrize(
    ("status", "live", "listed"),
    [(None, True, False), (FINISHED, True, True), (FINISHED, False, False)],
    ids=["a job that goes on", "a job that is deleted", "from the stores"],
)
async def test_quotas_that_no_event_showed_are_listed_before_a_job_is_deleted(
    status: dict[str, Any] | None, live: bool, listed: bool
) -> None:
    metadata = {"namespace": "ns", "name": "team", "uid": "q", "resourceVersion": "1"}
    cluster: Any = Recorder({"costquotas": [{"metadata": metadata, "spec": {}}]})
    snapshot = await with_quotas(cluster, ObjectStores(), Snapshot(job=job(status)), live=live)
    assert snapshot.unreadable_quotas == (("team",) if listed else ())
