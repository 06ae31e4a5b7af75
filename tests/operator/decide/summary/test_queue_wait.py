"""`status.queue`: the wait for a node of the pool, and the place among the jobs that wait."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from tests.kit.builders import (
    NOW,
    POOLS,
    RUNNING,
    build_snapshot,
    finished_pod,
    training,
    training_status,
)

from dpojob_api.job import DPOJobStatus, QueueStatus
from dpojob_operator.decide import WaitingJob
from dpojob_operator.decide.steps import decide_with_pools
from dpojob_operator.decide.summary.queue_wait import rounded_place

PENDING = replace(RUNNING, phase="Pending", started=None, scheduled=False)
LATER = NOW + timedelta(minutes=3)
WAITS = QueueStatus(pool="t4", since=NOW, position=1)


def waiting(*seconds_before: int, pool: str = "t4") -> dict[str, tuple[WaitingJob, ...]]:
    others = (WaitingJob(NOW - timedelta(seconds=s), f"ns/other-{s}") for s in seconds_before)
    return {pool: tuple(sorted(others))}


def queue(
    status: DPOJobStatus | None = None, *pods: Any, now: datetime = NOW, **facts: Any
) -> QueueStatus | None:
    status = training_status() if status is None else status
    job = training(status, **{k: facts.pop(k) for k in ("suspended", "complete") if k in facts})
    snapshot = build_snapshot(status, training=job, training_pods=pods, **facts)
    return decide_with_pools(snapshot, POOLS, now).status.queue


def with_queue(value: QueueStatus | None) -> DPOJobStatus:
    return training_status().model_copy(update={"queue": value})


def test_the_wait_begins_with_the_training_job() -> None:
    assert training_status().queue == WAITS
    assert queue(with_queue(None)) == WAITS


@pytest.mark.parametrize("pods", [(), (PENDING,), (RUNNING, PENDING)])
def test_nothing_changes_while_the_job_waits(pods: tuple[Any, ...]) -> None:
    assert queue(with_queue(WAITS), *pods, now=LATER) == WAITS


@pytest.mark.parametrize("pod", [RUNNING, replace(RUNNING, started=None)])
def test_a_node_ends_the_wait(pod: Any) -> None:
    ended = queue(with_queue(WAITS), pod, now=LATER)
    assert ended == QueueStatus(pool="t4", wait_seconds=180)
    assert queue(with_queue(ended), pod, now=LATER + timedelta(hours=1)) == ended


def test_a_preempted_job_waits_again_and_the_waits_add_up() -> None:
    before = QueueStatus(pool="t4", wait_seconds=180)
    again = queue(with_queue(before), PENDING, now=LATER)
    assert again == QueueStatus(pool="t4", since=LATER, position=1, wait_seconds=180)
    later = LATER + timedelta(seconds=20)
    assert queue(with_queue(again), RUNNING, now=later) == QueueStatus(pool="t4", wait_seconds=200)


@pytest.mark.parametrize(
    ("facts", "pods"),
    [
        ({"spec_fields": {"suspend": True}}, ()),
        ({"complete": True}, (finished_pod("train", 0, {}),)),
    ],
)
def test_a_job_that_is_suspended_or_ends_waits_no_more(
    facts: dict[str, Any], pods: tuple[Any, ...]
) -> None:
    assert queue(with_queue(WAITS), *pods, now=LATER, **facts) == QueueStatus(
        pool="t4", wait_seconds=180
    )


@pytest.mark.parametrize(
    ("others", "position"),
    [
        ({}, 1),
        (waiting(-5), 1),
        (waiting(5, 4, -5), 3),
        (waiting(5, pool="other"), 1),
        ({"t4": (WaitingJob(NOW, "ns/a"), WaitingJob(NOW, "ns/z"))}, 2),
        (waiting(*range(1, 31)), 40),
    ],
)
def test_the_place_is_by_the_beginning_of_the_wait(others: Any, position: int) -> None:
    found = queue(with_queue(WAITS), PENDING, waiting_jobs=others)
    assert found is not None and found.position == position


def test_a_queueing_system_has_an_order_of_its_own() -> None:
    held = queue(with_queue(WAITS), suspended=True, waiting_jobs=waiting(5))
    assert held == QueueStatus(pool="t4", since=NOW)


def test_the_end_of_one_wait_changes_few_other_places() -> None:
    assert [rounded_place(p) for p in (1, 20, 21, 30, 31, 100, 101, 999, 1001)] == [
        1, 20, 30, 30, 40, 100, 200, 1000, 2000,
    ]  # fmt: skip
    changed = sum(rounded_place(place) != rounded_place(place - 1) for place in range(2, 10_001))
    assert changed < 50
