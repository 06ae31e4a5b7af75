"""A Job that was just created is recorded with the first news of its pods, in one write."""

from __future__ import annotations

from dataclasses import replace

from tests.kit.builders import RUNNING, build_snapshot, seen_again, training_status
from tests.kit.operator.attempt_snapshots import NAME, WAITS, condition, decided, trains

from dpojob_api.job import DPOJobStatus


def _created() -> DPOJobStatus:
    """The status as it is written before the Job is created."""
    status = training_status()
    status.attempts[0].job.uid = None
    return decided(build_snapshot(status)).status


def test_nothing_is_written_while_nothing_is_known_of_the_pods() -> None:
    created = _created()
    for pods in ((), (WAITS,)):
        seen = decided(trains(*pods, status=created))
        assert (seen.status, seen.actions, seen.requeue_after) == (created, (), 10)


def test_the_first_news_of_the_pods_is_written_with_the_uid_of_the_job() -> None:
    created = _created()
    for pods, reason in (
        ((replace(WAITS, unschedulable="no node"),), "NoNodeFits"),
        ((replace(WAITS, scheduled=True),), "Starting"),
        ((WAITS, RUNNING), "Starting"),
    ):
        seen = decided(trains(*pods, status=created))
        assert seen.status.attempts[0].job.uid == f"uid-of-{NAME}"
        assert condition(seen)[1] == reason


def test_pods_are_waited_for_a_few_seconds_only() -> None:
    created = _created()
    for pods in ((), (WAITS,)):
        snapshot = trains(*pods, status=created)
        waiting = decided(snapshot)
        assert decided(seen_again(snapshot, waiting, 9)).status == created
        late = decided(seen_again(snapshot, waiting, 10)).status
        assert late.attempts[0].job.uid == f"uid-of-{NAME}"


def test_a_job_that_a_queue_holds_is_recorded_at_once() -> None:
    held = decided(trains(suspended=True, status=_created()))
    assert held.status.attempts[0].job.uid == f"uid-of-{NAME}"
    assert condition(held)[1] == "SuspendedByQueue"


def test_a_rejection_does_not_outlive_the_creation() -> None:
    status = training_status()
    status.attempts[0].job.uid = None
    rejected = decided(build_snapshot(status, creation_rejection="403: exceeded quota")).status
    seen = decided(trains(status=rejected))
    assert condition(seen)[1] == "Starting"
    assert seen.status.attempts[0].job.uid == f"uid-of-{NAME}"


def test_a_job_that_is_recorded_loses_no_uid_when_its_pod_is_replaced() -> None:
    recorded = training_status()
    seen = decided(trains(WAITS, status=recorded))
    assert seen.status.attempts[0].job.uid == f"uid-of-{NAME}"
