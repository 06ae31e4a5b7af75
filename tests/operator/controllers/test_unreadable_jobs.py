"""A DPOJob that another version of the operator wrote, after a rollback."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from tests.kit.builders import FixedClock, job, training_status

from dpojob_api.job import DPOJob
from dpojob_operator.controllers.dpojob import Reconciler, StateReader
from dpojob_operator.decide import Policy
from dpojob_operator.indexes import DependentsIndex, ObjectStores
from dpojob_operator.kube.resources import DPOJOBS


class ApiClientOfOneObject:
    """A stand-in for the API client that keeps one object, counts its status writes and shows them to the stores."""

    def __init__(self, raw: dict[str, Any]) -> None:
        self.raw = raw
        self.stores = ObjectStores()
        self.writes = 0

    async def get(self, *_: Any) -> dict[str, Any]:
        return copy.deepcopy(self.raw)

    async def write_status(self, _: Any, body: dict[str, Any]) -> dict[str, Any]:
        self.writes += 1
        self.raw = {**self.raw, "status": body["status"]}
        self.raw["metadata"]["resourceVersion"] = str(self.writes)
        self.stores.observe(DPOJOBS, self.raw)
        return copy.deepcopy(self.raw)


def stored(**status: Any) -> dict[str, Any]:
    raw = job(training_status()).model_dump(mode="json", by_alias=True, exclude_none=True)
    raw["status"] |= status
    raw["metadata"]["resourceVersion"] = "0"
    return raw


@pytest.mark.parametrize(
    "unknown",
    [
        {"plan": {"method": "methodOfTomorrow", "fieldOfTomorrow": [1]}},
        {"attempts": [{"number": "the first"}]},
    ],
    ids=repr,
)
async def test_the_job_is_reported_once_and_everything_else_in_its_status_stays(
    unknown: dict[str, Any],
) -> None:
    cluster: Any = ApiClientOfOneObject(stored(**unknown))
    before = copy.deepcopy(cluster.raw["status"])
    unused: Any = None
    reader = StateReader(cluster, cluster.stores, Policy(), unused, unused, unused)
    reconciler = Reconciler(
        cluster, reader, unused, unused, DependentsIndex(), unused, FixedClock(), {}, 0.0
    )
    for _ in range(3):
        assert await reconciler.reconcile(("ns", "x")) is None
    assert cluster.writes == 1
    after = cluster.raw["status"]
    reported = {c["type"]: c["message"] for c in after["conditions"]}
    assert "cannot read the status (status." in reported["Ready"]
    changed = {name for name in {*before, *after} if before.get(name) != after.get(name)}
    assert changed <= {"conditions", "observedGeneration"}


async def test_a_job_whose_conditions_cannot_be_read_is_left_alone() -> None:
    cluster: Any = ApiClientOfOneObject(
        stored(conditions=[{"type": "Ready", "status": "Perhaps", "reason": "X"}])
    )
    unused: Any = None
    reader = StateReader(cluster, cluster.stores, Policy(), unused, unused, unused)
    reconciler = Reconciler(
        cluster, reader, unused, unused, DependentsIndex(), unused, FixedClock(), {}, 0.0
    )
    assert await reconciler.reconcile(("ns", "x")) is None
    assert cluster.writes == 0


def test_unknown_values_that_decide_nothing_are_no_error() -> None:
    read = DPOJob.model_validate(
        stored(
            phase="PhaseOfTomorrow",
            progress={"stage": "StageOfTomorrow", "step": 3},
            artifacts={"kind": "kindOfTomorrow", "claimName": "c"},
        )
    ).status
    assert read.phase == "Pending" and read.attempts
    assert read.progress is not None and (read.progress.stage, read.progress.step) == (
        "Starting",
        3,
    )
    assert read.artifacts is not None and read.artifacts.kind is None
