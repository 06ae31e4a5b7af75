"""An attempt: its Job created, followed, stopped and ended; what a running pod reports."""

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
    finished_pod,
    job_snapshot,
    seen_again,
    training_status,
)
from tests.kit.operator.attempt_snapshots import (
    HOUR_AGO,
    NAME,
    WAITS,
    condition,
    decided,
    running,
    trains,
)

from dpojob_api.job import ChildJob, DPOJobStatus
from dpojob_operator.decide import CreateClaim, CreateTraining, DeleteJob
from dpojob_operator.decide.child_names import training_name
from dpojob_operator.decide.object_snapshots import PodSnapshot
from dpojob_operator.decide.steps import decide_with_pools
from dpojob_operator.decide.steps.job_result import out_of_main_memory


def test_a_created_job_is_recorded_by_its_uid() -> None:
    status = training_status()
    status.attempts[0].job.uid = None
    created = decided(build_snapshot(status))
    assert [type(action) for action in created.actions] == [CreateClaim, CreateTraining]
    assert created.status.phase == "Queued"
    assert condition(created) == ("False", "Starting", f"Job {NAME}.")
    seen = decided(trains(replace(WAITS, scheduled=True), status=created.status))
    assert seen.actions == () and seen.status.attempts[0].job.uid == f"uid-of-{NAME}"


def test_no_claim_is_created_where_the_user_named_an_output() -> None:
    spec: dict[str, Any] = {"output": {"push": "me/it"}}
    status = training_status(**spec)
    status.attempts[0].job.uid = None
    created = decided(build_snapshot(status, spec_fields=spec))
    assert created.actions == (CreateTraining(NAME, 1),)


def test_pods_on_several_nodes_share_the_created_claim() -> None:
    status = training_status()
    status.attempts[0].job.uid = None
    assert status.plan is not None
    for nodes, shared in ((1, False), (2, True)):
        plan = status.plan.model_copy(update={"nodes": nodes, "gpus": 2})
        made = decided(build_snapshot(status.model_copy(update={"plan": plan}))).actions[0]
        assert made == CreateClaim("x-output", plan.output_gib, shared=shared)


def test_a_job_of_another_owner_ends_the_attempt() -> None:
    decision = decided(trains(owner="other"))
    assert condition(decision, "Failed")[1] == "JobNameConflict"
    assert decision.status.attempts[0].end_time == NOW and decision.actions == ()


@pytest.mark.parametrize("gone", [True, False], ids=["gone", "another one of its name"])
def test_a_job_that_was_deleted_ends_the_dpojob(gone: bool) -> None:
    snapshot = build_snapshot(training_status()) if gone else trains(uid="another")
    decision = decided(snapshot)
    assert condition(decision, "Failed") == (
        "True",
        "JobDeleted",
        f"Training Job {NAME} was deleted, but not by the operator; it is not run again. "
        "Checkpoints stay on the output volume. To stop a job for a while, use spec.suspend.",
    )
    assert decision.status.attempts[0].outcome == "Deleted"
    assert decision.status.attempts[0].end_time == NOW


def test_a_job_of_another_name_is_not_this_attempts() -> None:
    status = training_status()
    status.attempts[0].job.uid = None
    other = job_snapshot("another")
    assert isinstance(decided(build_snapshot(status, training=other)).actions[-1], CreateTraining)


def test_a_job_suspended_before_its_job_exists_ends_the_attempt() -> None:
    status = training_status()
    status.attempts[0].job.uid = None
    decision = decided(build_snapshot(status, spec_fields={"suspend": True}))
    (attempt,) = decision.status.attempts
    assert (attempt.outcome, attempt.end_time, decision.actions) == ("Suspended", NOW, ())
    assert decision.status.phase == "Suspended" and decision.requeue_after == 0
    assert condition(decision) == (
        "False",
        "SuspendedByUser",
        "Stopped; training goes on from the newest complete checkpoint when spec.suspend is false again.",
    )


def test_suspending_records_the_outcome_and_deletes_the_job_until_it_is_gone() -> None:
    spec = {"suspend": True}
    stopping = decided(trains(RUNNING, status=running(), spec_fields=spec))
    assert condition(stopping) == (
        "False",
        "SuspendedByUser",
        "Stopping; the pod saves a checkpoint.",
    )
    assert stopping.actions == (DeleteJob(NAME, f"uid-of-{NAME}"),)
    assert (stopping.status.phase, stopping.requeue_after) == ("Suspended", 5)
    again = decided(trains(RUNNING, status=stopping.status, spec_fields=spec, deleting=True))
    assert again.actions == () and again.status.phase == "Suspended"
    gone = decided(build_snapshot(again.status, spec_fields=spec))
    assert gone.status.attempts[0].end_time == NOW
    resumed = decided(build_snapshot(gone.status))
    assert [attempt.number for attempt in resumed.status.attempts] == [1, 2]
    assert resumed.actions[-1] == CreateTraining(training_name("x", UID, 2), 2)


def test_a_withdrawn_attempt_is_followed_by_the_next() -> None:
    status = training_status()
    status.attempts[0].outcome = "Replanned"
    stopping = decided(trains(WAITS, status=status))
    assert stopping.status.phase == "Planning" and isinstance(stopping.actions[0], DeleteJob)
    gone = decided(build_snapshot(stopping.status))
    assert gone.status.attempts[0].end_time == NOW and gone.requeue_after == 0
    assert len(decided(build_snapshot(gone.status)).status.attempts) == 2


CHEAPER = replace(
    POOLS[0], name="other", spec=POOLS[0].spec.model_copy(update={"hourly_price": "1"})
)


def trained_once(*, withdrawn_since: bool) -> DPOJobStatus:
    """The status of a job whose first attempt has run and was suspended; its second one got no node."""
    status = training_status()
    first = status.attempts[0]
    first.start_time, first.end_time, first.outcome = HOUR_AGO, HOUR_AGO, "Suspended"
    if withdrawn_since:
        second = first.model_copy(update={"number": 2, "start_time": None, "outcome": "Replanned"})
        status.attempts.append(second)
    return status


@pytest.mark.parametrize("withdrawn_since", [False, True])
def test_a_job_that_has_run_goes_on_by_its_plan(withdrawn_since: bool) -> None:
    """Its checkpoints were written under it; a job that never ran takes the cheaper pool."""
    status = trained_once(withdrawn_since=withdrawn_since)
    resumed = decide_with_pools(build_snapshot(status), (*POOLS, CHEAPER), NOW).status
    assert resumed.plan is not None and resumed.plan.pool == "t4"
    assert (
        len(resumed.attempts) == len(status.attempts) + 1 and resumed.attempts[-1].end_time is None
    )
    moved = decide_with_pools(build_snapshot(status), (CHEAPER,), NOW).status
    assert moved.plan is not None and moved.plan.pool == "other", "its pool is gone"


def test_a_job_that_has_run_waits_for_the_pool_of_its_plan() -> None:
    spec: dict[str, Any] = {"hardware": {"whenFull": "NextPool"}}
    status = trained_once(withdrawn_since=True)
    status.attempts[-1].outcome = status.attempts[-1].end_time = None
    snapshot = trains(WAITS, status=status, spec_fields=spec)
    full = replace(POOLS[0], free=0)
    decision = decide_with_pools(snapshot, (full, CHEAPER), NOW)
    assert decision.status.attempts[-1].outcome is None


def test_an_attempt_that_was_ended_for_a_failure_fails_the_job_when_its_job_is_gone() -> None:
    status = running(budget={"maxDuration": "1h"})
    spec: dict[str, Any] = {"budget": {"maxDuration": "1h"}}
    long = replace(RUNNING, started=NOW - timedelta(hours=2))
    runs = trains(long, status=status, spec_fields=spec)
    first = decided(runs)
    assert first.actions == () and first.requeue_after == 0
    over = decided(seen_again(runs, first))
    message = (
        "Training has taken 2h; budget.maxDuration is 1h. The newest checkpoint is kept; raise the budget in "
        "a new DPOJob to go on."
    )
    assert condition(over) == ("False", "BudgetExceeded", message)
    assert over.status.phase == "Training"
    gone = decided(build_snapshot(over.status, spec_fields=spec))
    assert condition(gone, "Failed") == ("True", "BudgetExceeded", message)


def test_the_next_look_is_when_the_budget_ends() -> None:
    spec: dict[str, Any] = {"budget": {"maxDuration": "12s"}}
    status = training_status(**spec)
    runs = decided(trains(RUNNING, status=status, spec_fields=spec))
    assert runs.requeue_after == pytest.approx(2.1)
    waits = decided(trains(WAITS, status=status, spec_fields=spec))
    assert waits.requeue_after is None


def test_a_missing_secret_stops_the_attempt_after_its_grace_time() -> None:
    pod = replace(WAITS, scheduled=True, waiting_reason="CreateContainerConfigError",
                  waiting_message='secret "hub" not found')  # fmt: skip
    waits = trains(pod)
    early = decided(waits)
    assert early.requeue_after == 30 and early.actions == ()
    late = decided(seen_again(waits, early, 30))
    assert condition(late)[1] == "SecretNotFound" and isinstance(late.actions[0], DeleteJob)
    assert condition(late)[2].startswith('The pod cannot start: secret "hub" not found. Create')
    config = replace(pod, waiting_message='configmap "hub" not found')
    other = replace(seen_again(waits, early, 30), training_pods=(config,))
    assert decided(other).actions == ()
    normal = replace(pod, waiting_reason="ContainerCreating")
    other = replace(seen_again(waits, early, 30), training_pods=(normal,))
    assert decided(other).actions == ()


@pytest.mark.parametrize(
    ("pod", "expected"),
    [
        ({"eviction_message": "ephemeral local storage usage exceeds"}, "DiskFull"),
        ({"eviction_message": "Usage of EmptyDir volume exceeds"}, "DiskFull"),
        ({"eviction_message": "The node was low on resource: memory."}, None),
        ({"exit_reason": "OOMKilled", "exit_code": 137}, "OutOfMemory"),
        ({"exit_reason": "OOMKilled", "exit_code": 12}, None),
        ({"exit_reason": "OOMKilled", "exit_code": 0}, None),
        ({"exit_reason": "Error", "exit_code": 137}, None),
    ],
)
def test_what_kubernetes_would_retry_in_vain_is_stopped(
    pod: dict[str, Any], expected: str | None
) -> None:
    ended = replace(finished_pod("train", 137, ""), **pod)
    decision = decided(trains(ended))
    stopped = [isinstance(action, DeleteJob) for action in decision.actions]
    assert stopped == ([] if expected is None else [True])
    assert (decision.status.attempts[0].outcome == "Failed") is (expected is not None)
    if expected is not None:
        assert condition(decision)[:2] == ("False", expected)
    assert out_of_main_memory(ended) is (expected == "OutOfMemory")


@pytest.mark.parametrize(
    ("pods", "expected", "phase"),
    [
        ((), ("False", "Starting", f"Waiting for 1 GPU(s) of pool t4. Job {NAME} has no pod; "
              "`kubectl describe job` says why."), "Queued"),
        ((WAITS,), ("False", "Starting", "Waiting for 1 GPU(s) of pool t4."), "Queued"),
        ((replace(WAITS, unschedulable="1 Insufficient gpu"),),
         ("False", "Queued", "Waiting for 1 GPU(s) of pool t4. Pod p waits for a node: 1 Insufficient gpu"),
         "Queued"),
        ((replace(WAITS, scheduled=True),), ("False", "Starting", f"Job {NAME}."), "Training"),
        ((replace(WAITS, scheduled=True, waiting_reason="ErrImagePull", waiting_message="m"),),
         ("False", "ImagePullFailed", "Pod p waits (ErrImagePull): m"), "Training"),
        ((replace(WAITS, scheduled=True, waiting_reason="Odd", waiting_message="m"),),
         ("False", "Starting", "Pod p waits (Odd): m"), "Training"),
        ((replace(RUNNING, scheduled=False, finished=NOW, exit_code=12),),
         ("False", "Starting", f"Job {NAME}."), "Training"),
        ((RUNNING,), ("True", "Starting", f"Job {NAME}."), "Training"),
    ],
)  # fmt: skip
def test_what_the_attempt_waits_for(
    pods: tuple[PodSnapshot, ...], expected: tuple[str, str, str], phase: str
) -> None:
    decision = decided(trains(*pods))
    assert condition(decision) == expected
    assert decision.status.phase == phase


def test_a_plan_that_expected_no_room_waits_in_a_queue() -> None:
    status = training_status()
    assert status.plan is not None
    status.plan = status.plan.model_copy(update={"queued": True})
    assert condition(decided(trains(WAITS, status=status)))[1] == "Queued"


def test_a_job_that_a_queue_holds_is_suspended_only_once_it_ran() -> None:
    held = decided(trains(suspended=True))
    assert condition(held) == ("False", "SuspendedByQueue", f"Job {NAME}.")
    assert held.status.phase == "Queued"
    assert decided(trains(suspended=True, status=running())).status.phase == "Suspended"
    assert decided(trains(status=running())).status.phase == "Queued"


def test_figures_of_the_newest_attempt_leave_the_earlier_ones() -> None:
    status = training_status()
    (first,) = status.attempts
    second = first.model_copy(update={"number": 2, "job": ChildJob(name="second")})
    first.end_time, first.outcome = NOW, "Suspended"
    status.attempts.append(second)
    runs = build_snapshot(status, training=job_snapshot("second"), training_pods=(RUNNING,))
    attempts = decided(runs).status.attempts
    assert [attempt.gpu_seconds for attempt in attempts] == [0, 10]
    assert [attempt.outcome for attempt in attempts] == ["Suspended", None]
