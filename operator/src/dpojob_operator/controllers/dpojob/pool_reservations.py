"""GPUs of pools that jobs were planned on and hold no node for yet, as other jobs must see them.

The capacity of a pool counts pods that are bound to a node. Between a plan and its pod's node lie
seconds, or hours in a full pool, in which every other job would be planned on the same free GPUs.
Reservations are kept in memory only; after a restart each job's first pass makes its own again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace

from dpojob_api.conditions import ConditionType
from dpojob_operator.decide import Decision, PoolReservation, Snapshot
from dpojob_operator.decide.steps.planning import REPLANNED
from dpojob_operator.kube import Key
from dpojob_operator.process import Clock
from dpojob_planner import PoolState

SETTLE_SECONDS = 10.0
"""How long a reservation is kept after the pod got a node: until the pool's capacity counts the pod."""


class PoolReservations:
    """Reservations by job; each job has at most one."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._jobs: dict[Key, PoolReservation] = {}
        self._gpus: Counter[str] = Counter()
        """What all jobs together have reserved, by pool."""
        self._ends: dict[Key, float] = {}
        """The ends of the reservations of jobs whose pod has a node, on the monotonic clock, the earliest first."""

    def available(self, key: Key, pools: Iterable[PoolState]) -> list[PoolState]:
        """Returns the pools with the free GPUs that no other job than `key` has reserved."""
        self._end_those_due()
        own = self._jobs.get(key)
        return [
            pool
            if pool.free is None
            else replace(pool, free=max(0, pool.free - self._reserved(pool.name, own)))
            for pool in pools
        ]

    def _end_those_due(self) -> None:
        now = self._clock.monotonic()
        while (job := next(iter(self._ends), None)) is not None and self._ends[job] <= now:
            self.remove(job)

    def _reserved(self, pool: str, own: PoolReservation | None) -> int:
        """The GPUs of the pool that jobs other than the one with that reservation have reserved."""
        held = own.gpus if own is not None and own.pool == pool else 0
        return self._gpus[pool] - held

    def record(self, key: Key, snapshot: Snapshot, decision: Decision) -> None:
        """Reserves what the decision plans on; ends the reservation some time after a pod got a node."""
        attempts = decision.status.attempts
        finished = decision.status.is_true(ConditionType.FINISHED)
        if decision.reservation is not None and not finished:
            self.remove(key)
            self._jobs[key] = decision.reservation
            self._gpus[decision.reservation.pool] += decision.reservation.gpus
        elif any(pod.scheduled for pod in snapshot.training_pods) and not finished:
            if key in self._jobs:
                self._ends.setdefault(key, self._clock.monotonic() + SETTLE_SECONDS)
        elif finished or not attempts or attempts[-1].outcome != REPLANNED:
            self.remove(key)

    def remove(self, key: Key) -> None:
        """Ends the reservation of a job."""
        held = self._jobs.pop(key, None)
        if held is not None:
            self._gpus[held.pool] -= held.gpus
        self._ends.pop(key, None)
