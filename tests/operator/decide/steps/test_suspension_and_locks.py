"""What holds a job back: the user, a queue, another job's directory, claims and Secrets."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from tests.kit.builders import (
    NOW,
    POOLS,
    RUNNING,
    UID,
    build_snapshot,
    decide_after_inspection,
    finished_pod,
    job_snapshot,
    reason,
    seen_again,
    training,
    training_status,
)

from dpojob_api.status_condition import Condition
from dpojob_operator.decide import (
    CreateTraining,
    Decision,
    DeleteJob,
    DeleteSelf,
    FirstSeen,
    OutputHolder,
    Snapshot,
)
from dpojob_operator.decide.object_snapshots import PVCSnapshot
from dpojob_operator.decide.steps import decide_with_pools

SUSPEND: dict[str, Any] = {"suspend": True}


def decided(snapshot: Snapshot) -> Decision:
    return decide_with_pools(snapshot, POOLS, NOW)


def suspended(decision: Decision) -> tuple[str, str, str]:
    condition = decision.status.condition("Suspended")
    assert condition is not None
    return condition.status, condition.reason, condition.message


def test_who_holds_the_job_is_said_in_suspended() -> None:
    status = training_status()
    free = ("False", "NotSuspended", "")
    by_user = ("True", "SuspendedByUser",
               "spec.suspend is true; set it to false to go on from the newest checkpoint.")  # fmt: skip
    name = status.attempts[0].job.name
    by_queue = ("True", "SuspendedByQueue",
                f"A queueing system holds Job {name} suspended until it admits it.")  # fmt: skip
    resumed = ("False", "Resumed", "Nothing holds the job back any more.")
    assert suspended(decided(build_snapshot(status, training=training(status)))) == free
    held = decided(build_snapshot(status, training=training(status, suspended=True)))
    assert suspended(held) == by_queue
    over = training(status, suspended=True, failed=True)
    assert suspended(decided(build_snapshot(status, training=over))) == free
    both = build_snapshot(status, spec_fields=SUSPEND, training=training(status, suspended=True))
    assert suspended(decided(both)) == by_user
    released = decided(build_snapshot(held.status, training=training(status)))
    assert suspended(released) == resumed
    later = decided(build_snapshot(released.status, training=training(status)))
    assert suspended(later) == resumed


def test_a_finished_job_is_not_suspended() -> None:
    status = training_status()
    held = decided(build_snapshot(status, training=training(status, suspended=True))).status
    done = training(status, complete=True, suspended=True)
    pods = (finished_pod("train", 0, {"outcome": "Succeeded"}),)
    ended = decided(build_snapshot(held, spec_fields=SUSPEND, training=done, training_pods=pods))
    assert suspended(ended) == ("False", "NotSuspended", "")


def test_another_writer_ends_the_job_before_it_is_inspected() -> None:
    decision = decided(build_snapshot(output_holder=OutputHolder("first", "models/tuned")))
    failed = decision.status.condition("Failed")
    assert failed is not None and (failed.reason, failed.message) == (
        "OutputOccupied",
        "DPOJob first, which has not ended, writes to models/tuned too, and one directory holds one model: "
        "name another output.volume.path. Correct that, then create this DPOJob again: delete it and apply "
        "it anew.",
    )
    assert decision.actions == () and decision.status.inspection is None


def test_a_writer_that_is_being_deleted_is_waited_for() -> None:
    holder = OutputHolder("first", "models/tuned", being_deleted=True)
    decision = decided(build_snapshot(output_holder=holder))
    condition = decision.status.condition("DatasetValid")
    assert condition is not None
    assert (condition.status, condition.reason) == ("Unknown", "OutputOccupied")
    assert "DPOJob first, which writes to models/tuned too, is being deleted" in condition.message
    assert (decision.status.phase, decision.requeue_after, decision.actions) == ("Waiting", 5, ())
    valid = training_status()
    again = decided(build_snapshot(valid, output_holder=holder))
    assert reason(again, "DatasetValid") == "Valid" and again.actions == ()


def test_a_suspended_job_is_not_held_to_the_directory() -> None:
    holder = OutputHolder("first", "models/tuned")
    decision = decided(build_snapshot(spec_fields=SUSPEND, output_holder=holder))
    assert reason(decision, "Failed") is None and decision.status.phase == "Suspended"


def test_training_waits_for_pods_of_a_deleted_job_of_that_name() -> None:
    first = decided(build_snapshot())
    waits = decide_after_inspection(first, earlier_pods=("a", "b"))
    condition = waits.status.condition("Training")
    assert condition is not None and (condition.status, condition.reason) == ("False", "Starting")
    assert condition.message.startswith("Pod a, b of a deleted DPOJob still writes")
    assert (waits.status.attempts, waits.actions, waits.requeue_after) == ([], (), 5)
    assert waits.status.phase == "Waiting"


OUTPUT: dict[str, Any] = {"output": {"volume": {"claimName": "out", "path": ""}}}


def test_a_claim_that_disappears_before_training_is_waited_for_and_ends_the_job() -> None:
    first = decided(build_snapshot(spec_fields=OUTPUT, claims={"out": PVCSnapshot("out")}))
    gone: dict[str, Any] = {"spec_fields": OUTPUT, "claims": {"out": None}}
    waits = decide_after_inspection(first, **gone)
    assert (waits.actions, waits.status.attempts, waits.requeue_after) == ((), [], 10)
    assert reason(waits, "DatasetValid") == "Valid"
    snapshot = replace(build_snapshot(waits.status, **gone), first_seen=seen_for(waits, 10))
    ended = decided(snapshot).status.condition("Failed")
    assert ended is not None and (ended.reason, ended.message) == (
        "ClaimNotFound",
        "PersistentVolumeClaim 'out' does not exist in namespace ns. Create it, or correct claimName; then "
        "create this DPOJob again.",
    )


def seen_for(decision: Decision, seconds: float) -> dict[str, FirstSeen]:
    return {what: FirstSeen(NOW, seconds) for what in decision.timed}


def test_a_missing_claim_is_reported_before_the_inspection() -> None:
    spec: dict[str, Any] = {"dataset": {"volume": {"claimName": "data", "path": ""}}}
    waits = decided(build_snapshot(spec_fields=spec, claims={}))
    condition = waits.status.condition("DatasetValid")
    assert condition is not None and (condition.status, condition.reason) == (
        "False",
        "ClaimNotFound",
    )
    assert "'data'" in condition.message and waits.status.phase == "Inspecting"


def test_the_claim_that_the_operator_makes_need_not_exist() -> None:
    status = training_status()
    status.attempts[0].job.uid = None
    created = decided(build_snapshot(status, claims={"x-output": None}))
    assert isinstance(created.actions[-1], CreateTraining)


def test_a_creation_that_is_rejected_is_tried_again_and_stays_reported() -> None:
    status = training_status()
    status.attempts[0].job.uid = None
    quota = "exceeded quota: team"
    rejected = decided(build_snapshot(status, creation_rejection=quota))
    condition = rejected.status.condition("Training")
    assert condition is not None
    assert (condition.status, condition.reason, condition.message) == (
        "False",
        "QuotaExceeded",
        quota,
    )
    assert (rejected.actions, rejected.requeue_after) == ((), 30)
    again = decided(build_snapshot(rejected.status))
    assert isinstance(again.actions[-1], CreateTraining)
    assert reason(again, "Training") == "QuotaExceeded"
    fresh = decided(build_snapshot(status))
    assert reason(fresh, "Training") == "Starting"


def test_a_deleted_job_is_left_to_the_garbage_collector() -> None:
    snapshot = build_snapshot()
    snapshot.job.metadata["deletionTimestamp"] = "2026-11-23T12:00:00Z"
    decision = decided(snapshot)
    assert decision.actions == () and decision.status == snapshot.job.status


def test_a_name_conflict_ends_the_job() -> None:
    decision = decided(build_snapshot(conflicting_object="Service dpo-x"))
    failed = decision.status.condition("Failed")
    assert failed is not None and (failed.reason, failed.message) == (
        "JobNameConflict",
        "Service dpo-x exists and is not this DPOJob's; it is left alone. "
        "Delete or rename it, then create this DPOJob again.",
    )
    assert decision.actions == ()


def finished(**spec: Any) -> Snapshot:
    """A job that failed an hour ago."""
    status = decided(build_snapshot(spec_fields=spec, conflicting_object="Job y")).status
    status.completion_time = NOW - timedelta(hours=1)
    return build_snapshot(status, spec_fields=spec)


def test_an_open_attempt_ends_with_the_job() -> None:
    status = training_status()
    runs = build_snapshot(status, training=training(status), training_pods=(RUNNING,))
    running = decided(runs).status
    ended = decided(build_snapshot(running, conflicting_object="Job y"))
    assert (ended.status.attempts[0].outcome, ended.status.attempts[0].end_time) == ("Failed", NOW)
    assert reason(ended, "Training") == "Stopped"


def test_a_finished_job_deletes_what_still_runs_and_nothing_else() -> None:
    snapshot = finished()
    runs, gone = job_snapshot("runs"), job_snapshot("gone", deleting=True)
    over, foreign = job_snapshot("over", complete=True), job_snapshot("foreign", owner="other")
    decision = decided(
        replace(snapshot, inspection=runs, training=gone, earlier_trainings=(over, foreign))
    )
    assert decision.actions == (DeleteJob("runs", "uid-of-runs"),)
    trains = decided(
        replace(snapshot, training=runs, earlier_trainings=(replace(runs, name="r2"),))
    )
    assert [action.name for action in trains.actions if isinstance(action, DeleteJob)] == [
        "r2",
        "runs",
    ]
    assert decided(snapshot).actions == ()


@pytest.mark.parametrize(
    ("status", "deleted"), [("Unknown", True), ("True", False), ("False", False)]
)
def test_an_inspection_that_has_reported_is_kept(status: str, deleted: bool) -> None:
    snapshot = finished()
    snapshot.job.status.conditions.append(
        Condition(type="DatasetValid", status=status, reason="R", message="", observed_generation=1,
                  last_transition_time=NOW)
    )  # fmt: skip
    decision = decided(replace(snapshot, inspection=job_snapshot("i")))
    assert decision.actions == ((DeleteJob("i", "uid-of-i"),) if deleted else ())


def test_a_finished_job_is_deleted_after_its_time_to_live() -> None:
    over = finished(ttlSecondsAfterFinished=3600)
    first = decided(over)
    assert (first.actions, first.requeue_after) == ((), 0)
    assert decided(seen_again(over, first)).actions == (DeleteSelf(UID),)
    later = decided(finished(ttlSecondsAfterFinished=3601))
    assert (later.actions, later.requeue_after) == ((), 1)
    never = decided(finished())
    assert (never.actions, never.requeue_after) == ((), None)


def test_a_finished_job_observes_a_new_generation() -> None:
    snapshot = finished()
    snapshot.job.metadata["generation"] = 9
    assert decided(snapshot).status.observed_generation == 9
