"""Jobs that wait for a node, and GPUs that become free: how many jobs move, and whether they come back."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tests.kit.builders import NOW, FixedClock, build_snapshot, finished_pod, job_snapshot
from tests.kit.operator_fixture import REPORT

from dpojob_api.job import DPOJobStatus
from dpojob_api.pool import GPUPoolSpec
from dpojob_operator.controllers.dpojob.pool_reservations import SETTLE_SECONDS, PoolReservations
from dpojob_operator.decide import Decision
from dpojob_operator.decide.object_snapshots import PodSnapshot
from dpojob_operator.decide.steps import decide_with_pools
from dpojob_operator.manifests import pool_hash
from dpojob_planner import PoolState

SPEC: dict[str, Any] = {
    "gpu": {"model": "T4", "memoryGiB": 16, "bf16": False},
    "modelSize": {"min": "0", "max": "7B"},
}
CHEAP = GPUPoolSpec.model_validate({**SPEC, "hourlyPrice": "1"})
DEAR = GPUPoolSpec.model_validate({**SPEC, "hourlyPrice": "9"})
HASHES = {"cheap": pool_hash(CHEAP), "dear": pool_hash(DEAR)}
JOBS = 20
ROUNDS = 4
"""Passes over every job: a move takes three."""


def pools(cheap: int, dear: int) -> list[PoolState]:
    return [
        PoolState(name="cheap", spec=CHEAP, free=cheap, nodes=1),
        PoolState(name="dear", spec=DEAR, free=dear, nodes=1),
    ]


class MovableClock(FixedClock):
    """A clock that a test advances."""

    seconds = 0.0

    def monotonic(self) -> float:
        return self.seconds


class Waiting:
    """Twenty inspected jobs that may use any pool, decided on one after the other."""

    def __init__(self, jobs: int = JOBS) -> None:
        self.clock = MovableClock()
        self.reservations = PoolReservations(self.clock)
        self.statuses: dict[str, DPOJobStatus] = {}
        self.bound: set[str] = set()
        self.spec = {"hardware": {"whenFull": "NextPool"}}
        self.names = [f"job-{number}" for number in range(jobs)]

    def decide(self, name: str, states: list[PoolState], **facts: Any) -> Decision:
        snapshot = build_snapshot(self.statuses.get(name), spec_fields=self.spec, **facts)
        snapshot = replace(snapshot, pool_hashes=HASHES)
        available = self.reservations.available(("ns", name), states)
        decision = decide_with_pools(snapshot, available, NOW)
        self.reservations.record(("ns", name), snapshot, decision)
        self.statuses[name] = decision.status
        return decision

    def begin(self, states: list[PoolState]) -> None:
        """Inspected, planned, and the training Job created."""
        for name in self.names:
            first = self.decide(name, states)
            assert first.status.inspection is not None
            seen = job_snapshot(first.status.inspection.name)
            pods = (finished_pod("inspect", 0, REPORT),)
            self.decide(name, states, inspection=seen, inspection_pods=pods)

    def passes(self, states: list[PoolState], rounds: int = ROUNDS) -> None:
        """Every job is looked at; what was withdrawn is gone at the next look."""
        for _ in range(rounds):
            for name in self.names:
                attempt = self.statuses[name].attempts[-1]
                if attempt.end_time is not None or attempt.outcome is not None:
                    self.decide(name, states)
                    continue
                assert attempt.pool is not None
                job = job_snapshot(attempt.job.name, pool_hash=HASHES[attempt.pool])
                pod = PodSnapshot(
                    name=name, uid=name + attempt.job.name, scheduled=name in self.bound
                )
                self.decide(name, states, training=job, training_pods=(pod,))

    def on(self, pool: str) -> list[str]:
        return [name for name in self.names if self.plan(name) == pool]

    def plan(self, name: str) -> str:
        plan = self.statuses[name].plan
        assert plan is not None
        return plan.pool


def test_one_free_gpu_moves_one_job() -> None:
    waiting = Waiting()
    waiting.begin(pools(0, 0))
    assert waiting.on("cheap") == waiting.names
    waiting.passes(pools(0, 1))
    assert len(waiting.on("dear")) == 1
    assert {len(status.attempts) for status in waiting.statuses.values()} == {1, 2}


def test_jobs_that_are_planned_at_once_share_what_is_free() -> None:
    waiting = Waiting()
    waiting.begin(pools(2, 3))
    assert (len(waiting.on("cheap")), len(waiting.on("dear"))) == (JOBS - 3, 3)


def test_a_job_whose_gpu_was_taken_comes_back_when_the_first_pool_has_room() -> None:
    waiting = Waiting(jobs=1)
    waiting.begin(pools(0, 1))
    assert waiting.on("dear") == waiting.names
    waiting.passes(pools(0, 0))  # another pod took it
    assert waiting.on("dear") == waiting.names
    waiting.passes(pools(1, 0))
    assert waiting.on("cheap") == waiting.names


def test_a_job_looks_again_until_its_pod_has_a_node() -> None:
    waiting = Waiting(jobs=1)
    waiting.begin(pools(0, 1))
    (name,) = waiting.names
    status = waiting.statuses[name]
    job = job_snapshot(status.attempts[-1].job.name, pool_hash=HASHES["dear"])
    pod = PodSnapshot(name="p", uid="p")
    assert waiting.decide(name, pools(0, 1), training=job, training_pods=(pod,)).requeue_after
    bound = replace(pod, scheduled=True)
    decision = waiting.decide(name, pools(1, 0), training=job, training_pods=(bound,))
    assert decision.reservation is None and waiting.plan(name) == "dear"


def test_a_job_moves_when_the_scheduler_finds_no_node_although_gpus_are_free() -> None:
    waiting = Waiting(jobs=1)
    waiting.begin(pools(0, 1))
    (name,) = waiting.names
    job = job_snapshot(waiting.statuses[name].attempts[-1].job.name, pool_hash=HASHES["dear"])
    pod = PodSnapshot(name="p", uid="p", unschedulable="0/1 nodes are available")
    waiting.decide(name, pools(1, 1), training=job, training_pods=(pod,))
    assert waiting.statuses[name].attempts[-1].outcome == "Replanned"


def test_a_reservation_outlasts_the_binding_until_the_capacity_counts_the_pod() -> None:
    waiting = Waiting(jobs=2)
    waiting.begin(pools(0, 0))
    first, second = waiting.names
    waiting.passes(pools(0, 1))
    (moved,) = waiting.on("dear")
    waiting.bound.add(moved)
    waiting.passes(pools(0, 1))  # the pool's status does not show the pod yet
    assert waiting.on("dear") == [moved]
    waiting.clock.seconds += SETTLE_SECONDS
    waiting.passes(pools(0, 1))
    assert waiting.on("dear") == [first, second]


def test_a_deleted_job_reserves_nothing() -> None:
    waiting = Waiting(jobs=2)
    waiting.begin(pools(0, 1))
    (moved,) = waiting.on("dear")
    waiting.reservations.remove(("ns", moved))
    waiting.names.remove(moved)
    waiting.passes(pools(0, 1))
    assert waiting.on("dear") == waiting.names


def test_a_job_that_a_queue_holds_reserves_nothing() -> None:
    waiting = Waiting(jobs=2)
    waiting.begin(pools(1, 0))
    first, second = waiting.names
    attempt = waiting.statuses[first].attempts[-1]
    held = job_snapshot(attempt.job.name, pool_hash=HASHES["cheap"], suspended=True)
    waiting.decide(first, pools(1, 0), training=held)
    free = waiting.reservations.available(("ns", "other"), pools(2, 0))
    assert free[0].free == 1, "only the second job waits for a GPU"
    assert second in waiting.names


def test_no_job_moves_to_a_pool_whose_capacity_is_not_known_yet() -> None:
    waiting = Waiting(jobs=3)
    waiting.begin(pools(0, 0))
    cheap, dear = pools(0, 0)
    waiting.passes([cheap, replace(dear, free=None, nodes=0)])
    assert waiting.on("cheap") == waiting.names
    assert {len(status.attempts) for status in waiting.statuses.values()} == {1}
