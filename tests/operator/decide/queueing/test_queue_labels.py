"""Edits of a DPOJob's queue and priority reach its Job by Kueue's rules, or the status says why they do not."""

from __future__ import annotations

from typing import Any

import pytest
from tests.kit.builders import (
    NOW,
    POOLS,
    build_snapshot,
    job_snapshot,
    seen_again,
    training,
    training_status,
)

from dpojob_api.conditions import ConditionType
from dpojob_api.job import DPOJobStatus
from dpojob_operator.decide import Decision, SetJobLabels, Snapshot
from dpojob_operator.decide.queueing.queue_labels import PRIORITY_CLASS, QUEUE_NAME
from dpojob_operator.decide.steps import decide_with_pools

IN_A = {QUEUE_NAME: "a"}
LOW_IN_A = {**IN_A, PRIORITY_CLASS: "low"}
REJECTION = 'Job x does not get a=b: admission webhook "vjob.kb.io" denied the request'


@pytest.fixture(scope="module")
def status() -> DPOJobStatus:
    return training_status()


def edited(
    status: DPOJobStatus,
    wanted: dict[str, str],
    on_the_job: dict[str, str],
    *,
    spec_fields: dict[str, Any] | None = None,
    label_rejection: str = "",
    **job: Any,
) -> Snapshot:
    seen = training(status, queue_labels=on_the_job, **job)
    snapshot = build_snapshot(
        status, spec_fields=spec_fields, training=seen, label_rejection=label_rejection
    )
    snapshot.job.metadata["labels"] = wanted
    return snapshot


def labels_set(decision: Decision) -> dict[str, str]:
    found = [action for action in decision.actions if isinstance(action, SetJobLabels)]
    return dict(found[0].labels) if found else {}


def reported(decision: Decision) -> tuple[str, str, str] | None:
    found = decision.status.condition(ConditionType.QUEUE_LABELS_APPLIED)
    return None if found is None else (found.status, found.reason, found.message)


@pytest.mark.parametrize(
    ("wanted", "on_the_job", "suspended", "expected"),
    [
        (LOW_IN_A, LOW_IN_A, True, {}),
        ({QUEUE_NAME: "b"}, IN_A, True, {QUEUE_NAME: "b"}),
        (LOW_IN_A, IN_A, True, {PRIORITY_CLASS: "low"}),
        ({**IN_A, PRIORITY_CLASS: "high"}, LOW_IN_A, False, {PRIORITY_CLASS: "high"}),
        ({}, {QUEUE_NAME: "default"}, True, {}),
        ({**IN_A, "kueue.x-k8s.io/max-exec-time-seconds": "60"}, IN_A, True, {}),
    ],
    ids=["same", "queue", "first-priority", "priority-runs", "kueues-own-default", "other-label"],
)
def test_an_edit_that_kueue_allows_reaches_the_job(
    status: DPOJobStatus,
    wanted: dict[str, str],
    on_the_job: dict[str, str],
    suspended: bool,
    expected: dict[str, str],
) -> None:
    decision = decide_with_pools(
        edited(status, wanted, on_the_job, suspended=suspended), POOLS, NOW
    )
    assert labels_set(decision) == expected
    assert reported(decision) is None


@pytest.mark.parametrize(
    ("wanted", "on_the_job", "suspended", "why"),
    [
        ({QUEUE_NAME: "b"}, IN_A, False, "moves no Job that runs to another queue (b)"),
        (LOW_IN_A, IN_A, False, "gives no priority class (low) to a Job that runs without one"),
        ({}, IN_A, True, "lets no Job leave its queue"),
        (IN_A, LOW_IN_A, True, "removes no priority class"),
    ],
    ids=["queue-runs", "first-priority-runs", "leaves", "no-priority"],
)
def test_an_edit_that_kueue_does_not_allow_is_reported_with_what_helps(
    status: DPOJobStatus,
    wanted: dict[str, str],
    on_the_job: dict[str, str],
    suspended: bool,
    why: str,
) -> None:
    decision = decide_with_pools(
        edited(status, wanted, on_the_job, suspended=suspended), POOLS, NOW
    )
    found = reported(decision)
    assert labels_set(decision) == {} and found is not None
    assert found[:2] == ("False", "QueueEditNotApplied")
    assert why in found[2] and "set spec.suspend to true and then to false" in found[2]


def test_of_two_edits_the_allowed_one_is_made(status: DPOJobStatus) -> None:
    wanted = {QUEUE_NAME: "b", PRIORITY_CLASS: "high"}
    decision = decide_with_pools(edited(status, wanted, LOW_IN_A), POOLS, NOW)
    assert labels_set(decision) == {PRIORITY_CLASS: "high"}
    assert reported(decision) is not None


def test_a_rejected_edit_stays_reported_while_it_is_tried_again_until_the_job_has_it(
    status: DPOJobStatus,
) -> None:
    wanted = {QUEUE_NAME: "b"}
    rejected = decide_with_pools(
        edited(status, wanted, IN_A, suspended=True, label_rejection=REJECTION), POOLS, NOW
    )
    found = reported(rejected)
    assert labels_set(rejected) == {} and found is not None and REJECTION in found[2]
    assert rejected.requeue_after is not None
    again = decide_with_pools(edited(rejected.status, wanted, IN_A, suspended=True), POOLS, NOW)
    assert labels_set(again) == wanted and reported(again) == found
    applied = decide_with_pools(edited(again.status, wanted, wanted, suspended=True), POOLS, NOW)
    assert (reported(applied) or ())[:2] == ("True", "QueueEditApplied")


@pytest.mark.parametrize(
    "job",
    [{"deleting": True}, {"complete": True}, {"owner": "another"}],
    ids=lambda job: next(iter(job)),
)
def test_a_job_that_ends_or_is_not_of_the_dpojob_is_left_alone(
    status: DPOJobStatus, job: dict[str, Any]
) -> None:
    snapshot = edited(status, {QUEUE_NAME: "b"}, IN_A, suspended=True, **job)
    decision = decide_with_pools(snapshot, POOLS, NOW)
    assert labels_set(decision) == {} and reported(decision) is None


def test_a_suspended_dpojob_is_left_alone_because_its_job_is_deleted(status: DPOJobStatus) -> None:
    snapshot = edited(
        status, {QUEUE_NAME: "b"}, IN_A, suspended=True, spec_fields={"suspend": True}
    )
    assert labels_set(decide_with_pools(snapshot, POOLS, NOW)) == {}


def test_an_inspection_that_waits_is_moved_too() -> None:
    first = decide_with_pools(build_snapshot(), POOLS, NOW)
    assert first.status.inspection is not None
    name = first.status.inspection.name
    snapshot = seen_again(build_snapshot(), first)
    seen = job_snapshot(name, suspended=True, queue_labels=LOW_IN_A)
    waits = Snapshot(job=snapshot.job, inspection=seen, pool_hashes=snapshot.pool_hashes)
    waits.job.metadata["labels"] = {QUEUE_NAME: "b"}
    decision = decide_with_pools(waits, POOLS, NOW)
    assert labels_set(decision) == {QUEUE_NAME: "b"}
    assert "The training Job gets the labels as they are when it is made" in str(reported(decision))
