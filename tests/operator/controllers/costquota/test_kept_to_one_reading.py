"""Jobs that run when a CostQuota is used up are stopped at most one reading of their cost beyond the limit."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from heapq import heappop, heappush
from typing import Any

import pytest
from tests.kit.builders import (
    NOW,
    POOLS,
    UID,
    build_snapshot,
    training,
    training_status,
)
from tests.kit.operator.costquota_api import NAMESPACE, FakeApi, Replica, quota

from dpojob_operator.decide import DeleteJob, FirstSeen, Policy, Snapshot
from dpojob_operator.decide.object_snapshots import PodSnapshot
from dpojob_operator.decide.steps import decide_with_pools
from dpojob_operator.indexes.job_costs import READING_DELAY
from dpojob_operator.kube.resources import COSTQUOTAS, DPOJOBS

PRICE = Decimal(3600)
"""An hour of a GPU, so that each job, with one GPU, costs 1 in a second."""
READING = 10.0
"""Seconds between two readings of a job's cost for its status."""


class Run:
    """A simulation: jobs of one namespace train, and each has its next pass when its last decision requested it."""

    def __init__(self, jobs: int, limit: str) -> None:
        self.api = FakeApi(NOW)
        self.api.store(COSTQUOTAS, quota("team", limit))
        self.replica = Replica(self.api)
        self.snapshots: dict[str, Snapshot] = {}
        self.stopped: dict[str, float] = {}
        """What each job had cost when its training Job was deleted."""
        self.due: list[tuple[datetime, str]] = []
        """The passes to come; the empty name is that of the quotas'."""
        self.read_at: dict[str, datetime] = {}
        """When the cost of each job was last written to its status."""
        self.first_seen: dict[str, dict[str, datetime]] = {}
        """When each state whose duration the last pass over a job measured was first seen, by job and state."""
        for number in range(jobs):
            self._begin(f"j{number}", NOW + timedelta(seconds=number % READING))

    def _begin(self, name: str, start: datetime) -> None:
        status = training_status()
        status.attempts[0].hourly_price = PRICE
        pod = PodSnapshot(
            name="p", uid=f"pod-{name}", phase="Running", scheduled=True, started=start
        )
        made = build_snapshot(status, training=training(status), training_pods=(pod,))
        made.job.metadata |= {"name": name, "uid": f"{UID}-{name}"}
        assert made.training is not None
        owned = replace(made.training, owner=made.job.uid)
        self.snapshots[name] = replace(made, training=owned, policy=Policy(status_seconds=READING))
        heappush(self.due, (start, name))

    def until_all_are_stopped(self) -> float:
        """What the namespace has spent when the last job is stopped."""
        while len(self.stopped) < len(self.snapshots):
            self.api.now, name = heappop(self.due)
            if name:
                self._pass_over(name)
            else:
                self._update_quotas()
        return sum(self.stopped.values())

    def _later(self, seconds: float, name: str) -> None:
        heappush(self.due, (self.api.now + timedelta(seconds=seconds), name))

    def _update_quotas(self) -> None:
        self.replica.requeued.clear()
        self.replica.refresh()
        for name in self.replica.requeued:
            if name not in self.stopped:
                self._later(0, name)

    def _pass_over(self, name: str) -> None:
        """As the controller's: the cost is written once in READING seconds, and counted in every pass."""
        now, before = self.api.now, self.snapshots[name]
        if name in self.stopped:
            return
        age = (now - self.read_at.get(name, NOW - timedelta(hours=1))).total_seconds()
        quotas = tuple(i.of_job(before.job.uid) for i in self.replica.stores.quotas_of(NAMESPACE))
        seen = self.first_seen.get(name, {})
        first = {what: FirstSeen(at, (now - at).total_seconds()) for what, at in seen.items()}
        snapshot = replace(before, refresh=age >= READING, quotas=quotas, first_seen=first)
        decision = decide_with_pools(snapshot, POOLS, now)
        self.first_seen[name] = {what: seen.get(what, now) for what in decision.timed}
        job = snapshot.job.model_copy(update={"status": decision.status})
        self.snapshots[name] = replace(snapshot, job=job)
        if snapshot.refresh:
            self.read_at[name] = now
        self._write(self.snapshots[name])
        if any(isinstance(action, DeleteJob) for action in decision.actions):
            self.stopped[name] = decision.status.attempts[0].gpu_seconds
        assert decision.requeue_after is not None
        self._later(decision.requeue_after, name)

    def _write(self, snapshot: Snapshot) -> None:
        """Writes the status; the watch brings it, and the quotas are updated after the delay for readings."""
        stored: dict[str, Any] = self.api.store(DPOJOBS, snapshot.job.wire())
        self.replica.events[DPOJOBS].clear()
        delay = self.replica.costs.record(stored, deleted=False)
        if delay is not None:
            self._later(delay, "")
        elif not self.replica.costs.is_followed(NAMESPACE):
            self._later(0, "")


@pytest.mark.parametrize(("jobs", "limit"), [(1, "95"), (1, "100"), (7, "300"), (7, "3")])
def test_jobs_stop_at_most_one_reading_of_their_cost_beyond_the_limit(
    jobs: int, limit: str
) -> None:
    spent = Run(jobs, limit).until_all_are_stopped()
    beyond = spent - float(limit)
    latest = READING + (jobs - 1) * (READING + READING_DELAY)
    assert 0 <= beyond <= latest, "its own cost counts at once, that of others after the delay"
