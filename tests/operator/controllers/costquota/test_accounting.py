"""No order of events, crashes, deletions and writes of two replicas loses or repeats what jobs have cost."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

import pytest
from tests.kit.operator.costquota_api import (
    FakeApi,
    Replica,
    amount,
    attempt,
    finished,
    planned_job,
    quota,
)

from dpojob_api.cost_quota import CostQuota
from dpojob_operator.decide.cost_quota import QuotaDemand, period_end, read_job_cost
from dpojob_operator.kube import Conflict
from dpojob_operator.kube.resources import COSTQUOTAS, DPOJOBS

BEGIN = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
LIMITS = {"team": "60", "tight": "45"}


class Accounting:
    """Two replicas that do not know of each other count the jobs of one namespace in two quotas."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.api = FakeApi(BEGIN)
        self.api.written = self._written
        for name, limit in LIMITS.items():
            self.api.store(COSTQUOTAS, quota(name, limit))
        self.replicas = [Replica(self.api), Replica(self.api)]
        self.made = 0
        self.spent: dict[str, int] = {}
        """What each job has really cost, by UID, deleted ones included."""
        self.counted: dict[str, dict[str, Decimal]] = {name: {} for name in LIMITS}
        """What a record has held of each job at most, by quota and UID."""

    def _written(self, old: CostQuota, new: CostQuota) -> None:
        for entry in new.status.jobs:
            known = self.counted[new.name].get(entry.uid, Decimal(0))
            self.counted[new.name][entry.uid] = max(known, entry.spent)
        demands = {
            raw["metadata"]["uid"]: read_job_cost(raw).demand
            for raw in self.api.objects["dpojobs"].values()
        }
        reserved = {entry.uid for entry in old.status.jobs if entry.reserved is not None}
        admitted = [
            entry
            for entry in new.status.jobs
            if entry.reserved is not None and demands.get(entry.uid) is QuotaDemand.ADMISSION
            if entry.uid not in reserved
        ]
        assert not admitted or new.status.total_used + new.status.total_reserved <= new.max_cost

    def _job(self) -> dict[str, Any] | None:
        jobs = list(self.api.objects["dpojobs"].values())
        return self.random.choice(jobs) if jobs else None

    def create(self) -> None:
        self.made += 1
        self.api.store(DPOJOBS, planned_job(f"j{self.made}", self.random.randint(1, 40)))

    def spend(self) -> None:
        """A reading of GPU time is written to a job's status."""
        raw = self._job()
        if raw is None or raw["status"].get("conditions"):
            return
        uid = raw["metadata"]["uid"]
        self.spent[uid] = self.spent.get(uid, 0) + self.random.randint(0, 9)
        attempts = raw["status"].setdefault("attempts", [attempt(0, self.api.now)])
        attempts[0]["gpuSeconds"] = self.spent[uid]
        self.api.store(DPOJOBS, raw)

    def finish(self) -> None:
        if raw := self._job():
            self.api.store(DPOJOBS, finished(raw))

    def delete(self) -> None:
        if raw := self._job():
            self.api.delete(DPOJOBS, raw["metadata"]["name"])

    def see(self) -> None:
        resource = self.random.choice((DPOJOBS, COSTQUOTAS))
        self.random.choice(self.replicas).see(resource, self.random.randint(1, 6))

    def refresh(self) -> None:
        try:
            self.random.choice(self.replicas).refresh()
        except Conflict:
            return

    def crash(self) -> None:
        self.random.choice(self.replicas).restart()

    def turn_of_the_period(self) -> None:
        """What was read before it is counted before it."""
        self.random.choice(self.replicas).settle()
        self.api.now = period_end("Month", self.api.now) + timedelta(hours=1)

    def edit_of_a_period(self) -> None:
        """What was read before it is counted before it."""
        self.random.choice(self.replicas).settle()
        raw = self.api.objects["costquotas"][self.random.choice(list(LIMITS))]
        raw["spec"]["period"] = self.random.choice(["Day", "Week", "Month"])
        self.api.store(COSTQUOTAS, raw)

    def step_of_the_clock(self) -> None:
        """What was read before it is counted before it."""
        self.random.choice(self.replicas).settle()
        self.api.now += timedelta(days=self.random.randint(-40, 40))

    def check(self) -> None:
        """Once everything was seen, what exists is counted exactly, what was deleted as it was last read."""
        self.random.choice(self.replicas).settle()
        existing = {raw["metadata"]["uid"] for raw in self.api.objects["dpojobs"].values()}
        for name in LIMITS:
            status = self.api.quota(name).status
            total = status.counted + sum(each.used for each in status.earlier)
            read = self.counted[name]
            deleted = sum(cost for uid, cost in read.items() if uid not in existing)
            exact = sum(amount(self.spent.get(uid, 0)) for uid in existing)
            assert deleted + exact <= total <= sum(self.spent.values())


EVENTS = {
    Accounting.see: 8,
    Accounting.refresh: 8,
    Accounting.spend: 6,
    Accounting.create: 2,
    Accounting.delete: 2,
    Accounting.finish: 1,
    Accounting.crash: 1,
    Accounting.turn_of_the_period: 0.3,
    Accounting.edit_of_a_period: 0.3,
    Accounting.step_of_the_clock: 0.3,
}
"""How often an event happens, by event."""


@pytest.mark.parametrize("seed", range(25))
def test_what_is_spent_is_counted_once(seed: int) -> None:
    random = Random(seed)
    accounting = Accounting(random)
    for event in random.choices(list(EVENTS), list(EVENTS.values()), k=150):
        event(accounting)
    accounting.check()
