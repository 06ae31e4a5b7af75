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
    reason,
    seen_again,
    training,
    training_status,
)
from tests.kit.operator_fixture import failed, succeeded

from dpojob_api.job import DPOJobStatus
from dpojob_api.progress import Progress
from dpojob_operator.decide import CreateClaim, CreateTraining, Decision, DeleteJob, Snapshot
from dpojob_operator.decide.child_names import training_name
from dpojob_operator.decide.object_snapshots import PodSnapshot
from dpojob_operator.decide.stages import decide_with_pools
from dpojob_operator.decide.stages.job_result import out_of_main_memory, parse_outcome

NAME = training_name("x", UID, 1)
WAITS = PodSnapshot(name="p", uid="p", created=NOW)
HOUR_AGO = NOW - timedelta(hours=1)


def decided(snapshot: Snapshot) -> Decision:
    return decide_with_pools(snapshot, POOLS, NOW)


def trains(*pods: PodSnapshot, status: DPOJobStatus | None = None, **facts: Any) -> Snapshot:
    status = status or training_status()
    of_job = {name: facts.pop(name) for name in list(facts) if name in JOB_FACTS}
    job = training(status, created=HOUR_AGO, **of_job)
    return build_snapshot(status, training=job, training_pods=pods, **facts)


JOB_FACTS = ("complete", "failed", "failure_reason", "failure_message", "suspended", "deleting",
             "ended", "owner", "uid")  # fmt: skip


def running(**spec: Any) -> DPOJobStatus:
    status = training_status(**spec)
    return decided(trains(RUNNING, status=status, spec_fields=spec)).status


def condition(decision: Decision, type_: str = "Training") -> tuple[str, str, str]:
    found = decision.status.condition(type_)
    assert found is not None
    return found.status, found.reason, found.message


def test_a_created_job_is_recorded_by_its_uid() -> None:
    status = training_status()
    status.attempts[0].job.uid = None
    created = decided(build_snapshot(status))
    assert [type(action) for action in created.actions] == [CreateClaim, CreateTraining]
    assert created.status.phase == "Queued"
    assert condition(created) == ("False", "Starting", f"Job {NAME}.")
    seen = decided(trains(status=created.status))
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
        f"Training Job {NAME} was deleted by somebody else; it is not run again. "
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
    status.plan.queued = True
    assert condition(decided(trains(WAITS, status=status)))[1] == "Queued"


def test_a_job_that_a_queue_holds_is_suspended_only_once_it_ran() -> None:
    held = decided(trains(suspended=True))
    assert condition(held) == ("False", "SuspendedByQueue", f"Job {NAME}.")
    assert held.status.phase == "Queued"
    assert decided(trains(suspended=True, status=running())).status.phase == "Suspended"
    assert decided(trains(status=running())).status.phase == "Queued"


def test_progress_is_in_the_status_and_its_columns() -> None:
    progress = Progress.model_validate(
        {"step": 50, "maxSteps": 200, "resumedFrom": 40, "margin": 0.25, "stepsPerSecond": 5.0,
         "notice": "n" * 700}
    )  # fmt: skip
    decision = decided(trains(RUNNING, progress=progress))
    assert decision.status.progress == progress
    (attempt,) = decision.status.attempts
    assert (attempt.first_step, attempt.last_step) == (40, 50)
    assert condition(decision) == (
        "True", "Training",
        f"Job {NAME}. It went on from the checkpoint of step 40. {'n' * 600}",
    )  # fmt: skip
    display = decision.status.display
    assert display is not None
    assert (display.progress, display.margin, display.eta) == ("25%", "0.250", "30s")
    assert decision.requeue_after == 10
    assert decision.status.cost is not None and display.cost == str(decision.status.cost.so_far)
    kept = decided(trains(RUNNING, status=decision.status, refresh=False))
    assert condition(kept) == condition(decision)


def test_the_margin_of_the_evaluation_stands_in_for_that_of_training() -> None:
    progress = Progress.model_validate({"step": 1, "maxSteps": 2, "evalMargin": 0.5})
    display = decided(trains(RUNNING, progress=progress)).status.display
    assert display is not None and display.margin == "0.500"


def test_health_is_reported_once_the_number_of_steps_is_known() -> None:
    for steps, expected in ((0, None), (9, "Healthy")):
        progress = Progress(step=1, max_steps=steps)
        assert reason(decided(trains(RUNNING, progress=progress)), "TrainingHealthy") == expected


def test_the_last_step_of_an_attempt_is_the_highest_that_was_seen() -> None:
    ahead = decided(trains(RUNNING, progress=Progress(step=9, max_steps=9))).status
    back = decided(trains(RUNNING, status=ahead, progress=Progress(step=4, max_steps=9)))
    assert back.status.attempts[0].last_step == 9


def test_cost_follows_each_pod_and_each_gpu() -> None:
    status = training_status()
    assert status.plan is not None
    status.plan.gpus, status.plan.nodes = 4, 2
    pods = (replace(RUNNING, uid="a"), replace(RUNNING, uid="b"), replace(WAITS, uid="c"))
    (attempt,) = decided(trains(*pods, status=status)).status.attempts
    assert attempt.pod_seconds == {"a": 20, "b": 20} and attempt.gpu_seconds == 40
    assert attempt.start_time == RUNNING.started


@pytest.mark.parametrize(
    ("pods", "ended", "message"),
    [
        ((finished_pod("train", 10, failed("PushFailed", "401.")),), "PushFailed", "401."),
        ((finished_pod("train", 11, failed("Tomorrow", "m")),), "TrainingFailed", "m"),
        ((finished_pod("train", 13, "", termination_message=" x "),), "DiskFull", "x"),
        ((finished_pod("train", 14, "", termination_message=""),), "Unhealthy",
         "The training container ended with 14."),
        ((finished_pod("train", 2, "", termination_message=""),), "TrainingFailed",
         "The training container ended with 2."),
        ((), "TrainingFailed", "The training pod left no word; see its log."),
    ],
)  # fmt: skip
def test_why_training_failed(pods: tuple[PodSnapshot, ...], ended: str, message: str) -> None:
    decision = decided(trains(*pods, failed=True, failure_reason="PodFailurePolicy"))
    assert condition(decision, "Failed") == ("True", ended, message)
    assert decision.status.attempts[0].outcome == "Failed"
    assert decision.status.attempts[0].end_time == NOW
    assert condition(decision)[:2] == ("False", "Stopped")


def test_the_message_of_the_job_stands_in_for_that_of_a_lost_pod() -> None:
    decision = decided(trains(failed=True, failure_message="It was too slow."))
    assert condition(decision, "Failed")[2] == "It was too slow."


@pytest.mark.parametrize(("limit", "tries"), [(0, 1), (3, 4)])
def test_the_number_of_tries_is_in_the_message(limit: int, tries: int) -> None:
    spec = {"backoffLimit": limit}
    pod = finished_pod("train", 1, failed("TrainingFailed", "Oops."))
    decision = decided(
        trains(pod, spec_fields=spec, failed=True, failure_reason="BackoffLimitExceeded")
    )
    assert condition(decision, "Failed")[1:] == (
        "BackoffLimitExceeded", f"Training failed {tries} time(s), the last time with: Oops.",
    )  # fmt: skip


def test_a_memory_failure_says_what_would_fit_where_the_peak_was_measured() -> None:
    plain = finished_pod("train", 11, failed("OutOfMemory", "No room."))
    measured = finished_pod("train", 11, failed("OutOfMemory", "No room.", peakMemoryGiB=15.0))
    facts = {"failed": True, "failure_reason": "PodFailurePolicy"}
    assert condition(decided(trains(plain, **facts)), "Failed")[2] == "No room."
    advised = condition(decided(trains(measured, **facts)), "Failed")[2]
    assert advised.startswith("No room. ") and len(advised) > len("No room. ")


def test_what_the_trainer_reports_at_its_end_is_kept() -> None:
    spec: dict[str, Any] = {
        "evaluation": {"judge": {"rewardModel": {"repo": "org/reward"}}, "prompts": {"max": 32}}
    }
    message = {**succeeded(resumedFrom=40), "evaluation": {"verdict": "NotBetter", "message": "m"}}
    status = training_status(**spec)
    decision = decided(
        trains(finished_pod("train", 0, message), status=status, spec_fields=spec, complete=True)
    )
    assert condition(decision, "Complete") == (
        "True", "Completed",
        "Trained 123 steps. The model lies on claim x-output, directory /.",
    )  # fmt: skip
    (attempt,) = decision.status.attempts
    assert (attempt.outcome, attempt.first_step, attempt.last_step) == ("Succeeded", 40, 123)
    assert attempt.end_time == NOW
    assert decision.status.samples[0].prompt == "hi"
    assert condition(decision, "Improved")[1] == "NotBetter"
    assert condition(decision, "TrainingHealthy")[1] == "Healthy"
    artifacts = decision.status.artifacts
    assert artifacts is not None
    assert (artifacts.kind, artifacts.claim_name, artifacts.report) == (
        "model",
        "x-output",
        "report.html",
    )
    assert decision.status.cost is not None and decision.status.cost.so_far == 1800
    unasked = decided(trains(finished_pod("train", 0, message), complete=True))
    assert reason(unasked, "Improved") is None


def test_where_the_model_lies_is_in_the_message() -> None:
    places = {"push": "me/it", "s3": "s3://b/it", "report": "r.html"}
    report = {**succeeded(), "message": "", "artifacts": places}
    spec: dict[str, Any] = {"output": {"push": "me/it"}}
    status = training_status(**spec)
    pod = finished_pod("train", 0, report)
    decision = decided(trains(pod, status=status, spec_fields=spec, complete=True))
    assert condition(decision, "Complete")[2] == (
        "The model is trained. The model lies on hub me/it; s3://b/it."
    )
    assert decision.status.artifacts is not None and decision.status.artifacts.report == "r.html"


def test_a_complete_job_without_a_message_is_complete_after_the_listing_grace() -> None:
    runs = trains(complete=True, ended=NOW)
    early = decided(runs)
    assert reason(early, "Complete") is None and early.requeue_after == 2
    late = decided(seen_again(runs, early, 20))
    assert reason(late, "Complete") == "Completed"
    assert reason(decided(trains(complete=True)), "Complete") == "Completed"
    silent = finished_pod("train", 0, "", termination_message="")
    assert reason(decided(trains(silent, complete=True, ended=NOW)), "Complete") is None


def test_an_outcome_is_read_from_a_whole_message_only() -> None:
    whole = finished_pod("train", 0, succeeded())
    outcome = parse_outcome(whole)
    assert outcome is not None and outcome.outcome == "Succeeded"
    assert parse_outcome(None) is None
    assert parse_outcome(replace(whole, termination_message="")) is None
    assert parse_outcome(replace(whole, termination_message="{")) is None


@pytest.mark.parametrize(
    ("first", "second"),
    [
        pytest.param({"exit_code": 143}, {"exit_code": 1, "index": 1}, id="not an interrupted one"),
        pytest.param(
            {"exit_code": 12}, {"exit_code": 1, "index": 1}, id="nor one that was stopped"
        ),
        pytest.param({}, {"exit_code": 13, "index": 1}, id="one that no retry would help"),
        pytest.param({"termination_message": ""}, {"index": 1}, id="one with a message"),
        pytest.param({"index": 2}, {"index": 1}, id="the lowest rank"),
        pytest.param({"finished": HOUR_AGO}, {}, id="of one rank the last to end"),
        pytest.param({"created": HOUR_AGO}, {"created": NOW}, id="or the last that was created"),
        pytest.param({"exit_code": 0}, {"index": 1}, id="not one that succeeded"),
    ],
)
def test_which_pod_explains_the_failure(first: dict[str, Any], second: dict[str, Any]) -> None:
    pods = [
        replace(finished_pod("train", 1, "", uid=name, termination_message=name), **facts)
        for name, facts in (("one", first), ("two", second))
    ]
    for listed in (pods, pods[::-1]):
        decision = decided(trains(*listed, failed=True, failure_reason="PodFailurePolicy"))
        assert condition(decision, "Failed")[2] == "two"
