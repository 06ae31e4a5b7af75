"""`decide`, by tables and by walks through any sequence of observations."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.operator.world import REPORT, dpojob, failed, succeeded

from dpojob_api.conditions import ConditionType
from dpojob_api.job import Dependency, DPOJob, DPOJobStatus
from dpojob_api.pool import GPUPoolSpec
from dpojob_operator.decide import (
    CreateClaim,
    CreateInspection,
    CreateTraining,
    Decision,
    DeleteJob,
    DeleteSelf,
    DependencyFacts,
    Observed,
    decide,
)
from dpojob_operator.facts import ClaimFacts, JobFacts, PodFacts
from dpojob_operator.manifests import pool_hash
from dpojob_planner import PoolState

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
UID = "11111111-2222-3333-4444-555555555555"
POOL = GPUPoolSpec.model_validate(
    {
        "gpu": {"model": "T4", "memoryGiB": 16, "bf16": False},
        "modelSize": {"min": "0", "max": "7B"},
        "hourlyPrice": "3600",
    }
)
POOLS = (PoolState(name="t4", spec=POOL, free=2, nodes=1),)
HASHES = {"t4": pool_hash(POOL)}


def job(status: dict[str, Any] | DPOJobStatus | None = None, **spec: Any) -> DPOJob:
    raw = dpojob("x", **spec)
    raw["metadata"] |= {
        "namespace": "ns",
        "uid": UID,
        "generation": 1,
        "creationTimestamp": "2026-11-23T11:00:00Z",
    }
    raw["status"] = status.wire() if isinstance(status, DPOJobStatus) else (status or {})
    return DPOJob.model_validate(raw)


def observe(status: Any = None, /, *, of: dict[str, Any] | None = None, **facts: Any) -> Observed:
    return Observed(job=job(status, **(of or {})), pool_hashes=HASHES, **facts)


def child(name: str, **facts: Any) -> JobFacts:
    return JobFacts(**{"name": name, "uid": f"uid-of-{name}", "owner": UID, **facts})


def ended(stage: str, exit_code: int, word: Any, **facts: Any) -> PodFacts:
    fixed = {
        "name": f"{stage}-pod", "uid": f"{stage}-pod-uid", "phase": "Failed" if exit_code else
        "Succeeded", "scheduled": True, "started": NOW - timedelta(minutes=30), "finished": NOW,
        "exit_code": exit_code, "last_word": json.dumps(word),
    }  # fmt: skip
    return PodFacts(**{**fixed, **facts})


def inspected(decision: Decision, **facts: Any) -> Decision:
    """The next decision, after the inspection pod spoke."""
    assert decision.status.inspection is not None
    seen = child(decision.status.inspection.name)
    pods = (ended("inspect", 0, REPORT),)
    return decide(
        observe(decision.status, inspection=seen, inspection_pods=pods, **facts), POOLS, NOW
    )


def training(status: DPOJobStatus, **facts: Any) -> JobFacts:
    return child(status.attempts[-1].job.name, pool_hash=HASHES["t4"], **facts)


def settle(observed: Observed) -> Decision:
    """Decides until the status stays as it is; it must, soon."""
    for _ in range(6):
        decision = decide(observed, POOLS, NOW)
        if decision.status.wire() == observed.job.status.wire():
            return decision
        observed = replace(observed, job=observed.job.model_copy(
            update={"status": decision.status}))  # fmt: skip
    raise AssertionError("the status keeps changing")


def reason(decision: Decision, type_: str) -> str | None:
    condition = decision.status.condition(type_)
    return None if condition is None else condition.reason


def test_the_intent_is_in_the_status_of_the_very_decision_that_creates() -> None:
    first = decide(observe(), POOLS, NOW)
    assert first.status.inspection is not None
    assert first.actions == (CreateInspection(first.status.inspection.name),)
    second = inspected(first)
    assert second.status.plan is not None
    (attempt,) = second.status.attempts
    assert second.actions == (
        CreateClaim("x-output", second.status.plan.output_gib, shared=False),
        CreateTraining(attempt.job.name, 1),
    )


def test_a_job_that_was_created_is_recorded_and_not_created_again() -> None:
    first = inspected(decide(observe(), POOLS, NOW))
    again = decide(observe(first.status, training=training(first.status)), POOLS, NOW)
    assert again.actions == ()
    assert again.status.attempts[0].job.uid == training(first.status).uid


def begun(**of: Any) -> DPOJobStatus:
    first = decide(observe(of=of), POOLS, NOW)
    assert first.status.inspection is not None
    seen, pods = child(first.status.inspection.name), (ended("inspect", 0, REPORT),)
    second = decide(observe(first.status, of=of, inspection=seen, inspection_pods=pods), POOLS, NOW)
    third = decide(observe(second.status, of=of, training=training(second.status)), POOLS, NOW)
    return third.status


RUNNING = PodFacts(
    name="p", uid="p", phase="Running", scheduled=True, started=NOW - timedelta(seconds=10)
)


@pytest.mark.parametrize(
    ("facts", "pods", "expected"),
    [
        ({"complete": True}, (ended("train", 0, succeeded()),), "Complete/Completed"),
        (
            {"failed": True, "failure_reason": "PodFailurePolicy"},
            (ended("train", 11, failed("OutOfMemory", "No room.")),),
            "Failed/OutOfMemory",
        ),
        (
            {"failed": True, "failure_reason": "PodFailurePolicy"},
            (ended("train", 13, "no word"),),
            "Failed/DiskFull",
        ),
        (
            {"failed": True, "failure_reason": "PodFailurePolicy"},
            (ended("train", 137, "", exit_reason="OOMKilled"),),
            "Failed/OutOfMemory",
        ),
        (
            {"failed": True, "failure_reason": "BackoffLimitExceeded"},
            (ended("train", 1, failed("TrainingFailed", "Oops.")),),
            "Failed/BackoffLimitExceeded",
        ),
        (
            {"failed": True, "failure_reason": "PodFailurePolicy"},
            (ended("train", 10, failed("PushFailed", "401.")),),
            "Failed/PushFailed",
        ),
        ({"failed": True, "failure_reason": "BackoffLimitExceeded"}, (), "Failed/"
         "BackoffLimitExceeded"),
        ({}, (RUNNING,), "Training/Starting"),
        ({}, (replace(RUNNING, started=None, scheduled=False, unschedulable="0/1 nodes"),),
         "Training/Queued"),
        ({"suspended": True}, (), "Training/SuspendedByQueue"),
    ],
)  # fmt: skip
def test_what_a_training_job_comes_to(
    facts: dict[str, Any], pods: tuple[PodFacts, ...], expected: str
) -> None:
    status = begun()
    decision = settle(observe(status, training=training(status, **facts), training_pods=pods))
    type_, _, wanted = expected.partition("/")
    assert reason(decision, type_) == wanted


def test_gpu_time_of_a_vanished_pod_stays_paid() -> None:
    status = begun()
    seen = training(status)
    first = replace(RUNNING, started=NOW - timedelta(hours=1))
    decision = decide(observe(status, training=seen, training_pods=(first,)), POOLS, NOW)
    assert decision.status.cost is not None
    assert str(decision.status.cost.so_far) == "3600.00"
    other = replace(RUNNING, uid="other", started=NOW - timedelta(seconds=1))
    after = decide(observe(decision.status, training=seen, training_pods=(other,)), POOLS, NOW)
    assert after.status.attempts[0].gpu_seconds == 3601


def test_figures_wait_for_their_turn() -> None:
    status = decide(
        observe(begun(), training=training(begun()), training_pods=(RUNNING,)), POOLS, NOW
    ).status
    later = observe(status, training=training(status), training_pods=(RUNNING,), refresh=False)
    decision = decide(later, POOLS, NOW + timedelta(seconds=5))
    assert decision.status.wire() == status.wire()


def test_budget_and_suspension_record_the_end_before_the_delete() -> None:
    for of, outcome in (({"budget": {"maxCost": "1.00"}}, "Failed"), ({"suspend": True},
                                                                     "Suspended")):  # fmt: skip
        status = begun()
        seen = training(status)
        pods = (replace(RUNNING, started=NOW - timedelta(hours=1)),)
        decision = decide(observe(status, of=of, training=seen, training_pods=pods), POOLS, NOW)
        assert decision.actions == (DeleteJob(seen.name, seen.uid),)
        assert decision.status.attempts[0].outcome == outcome
        assert decision.status.attempts[0].end_time is None
        gone = settle(observe(decision.status, of=of))
        assert gone.status.attempts[0].end_time is not None
        assert gone.actions == ()


def test_a_job_that_finished_while_it_was_being_stopped_is_complete() -> None:
    status = begun()
    seen = training(status)
    of = {"suspend": True}
    stopping = decide(observe(status, of=of, training=seen, training_pods=(RUNNING,)), POOLS, NOW)
    done = replace(seen, complete=True, deleting=True)
    pods = (ended("train", 0, succeeded()),)
    decision = settle(observe(stopping.status, of=of, training=done, training_pods=pods))
    assert reason(decision, "Complete") == "Completed"


def test_a_missing_claim_is_waited_for_only_at_first() -> None:
    of = {"dataset": {"volume": {"claimName": "data", "path": ""}}}
    young = observe(of=of, claims={"data": None})
    young.job.metadata["creationTimestamp"] = "2026-11-23T11:59:57Z"
    waiting = decide(young, POOLS, NOW)
    assert waiting.requeue_after == 7
    assert not waiting.status.is_true(ConditionType.FAILED)
    old = decide(observe(of=of, claims={"data": None}), POOLS, NOW)
    assert reason(old, "Failed") == "ClaimNotFound"
    there = decide(observe(of=of, claims={"data": ClaimFacts("data")}), POOLS, NOW)
    assert isinstance(there.actions[0], CreateInspection)


def test_a_missing_secret_ends_the_job_after_a_grace() -> None:
    first = decide(observe(), POOLS, NOW)
    assert first.status.inspection is not None
    pod = PodFacts(
        name="p", uid="p", created=NOW - timedelta(seconds=29), scheduled=True,
        waiting_reason="CreateContainerConfigError", waiting_message='secret "hub" not found',
    )  # fmt: skip
    seen = child(first.status.inspection.name)
    early = decide(observe(first.status, inspection=seen, inspection_pods=(pod,)), POOLS, NOW)
    assert early.requeue_after == 1
    late = decide(
        observe(first.status, inspection=seen, inspection_pods=(pod,)),
        POOLS,
        NOW + timedelta(seconds=2),
    )
    assert reason(late, "Failed") == "SecretNotFound"
    cleanup = decide(observe(late.status, inspection=seen), POOLS, NOW)
    assert cleanup.actions == (DeleteJob(seen.name, seen.uid),)


def test_an_inspection_that_gave_its_verdict_is_left_for_its_log_to_be_read() -> None:
    first = decide(observe(), POOLS, NOW)
    assert first.status.inspection is not None
    seen = child(first.status.inspection.name)  # the Job's own end lags behind its pod's
    word = {"valid": False, "reason": "ModelNotFound", "error": "It is not there."}
    pods = (ended("inspect", 2, word),)
    over = decide(observe(first.status, inspection=seen, inspection_pods=pods), POOLS, NOW)
    assert reason(over, "Failed") == "ModelNotFound"
    assert decide(observe(over.status, inspection=seen), POOLS, NOW).actions == ()


def test_time_to_live_counts_from_the_end() -> None:
    of = {"ttlSecondsAfterFinished": 60}
    first = decide(observe(of=of, stranger="Job y"), POOLS, NOW)
    waiting = decide(observe(first.status, of=of), POOLS, NOW + timedelta(seconds=10))
    assert (waiting.actions, waiting.requeue_after) == ((), 50)
    over = decide(observe(first.status, of=of), POOLS, NOW + timedelta(seconds=60))
    assert over.actions == (DeleteSelf(UID),)


def test_a_dependencys_max_length_yields_to_the_users_own() -> None:
    found = {"kind": "DPOJob", "name": "base", "uid": "u", "repo": "me/base", "maxLength": 512}
    for asked, effective in (({}, 512), ({"training": {"maxLength": 2048}}, 2048)):
        of: dict[str, Any] = {"model": {"fromJob": {"name": "base"}}, **asked}
        from dpojob_operator.decide.effective import effective_spec

        dependency = Dependency.model_validate(found)
        decision = decide(
            observe(of=of, dependency=DependencyFacts(found=dependency, complete=True)),
            POOLS,
            NOW,
        )
        spec = effective_spec("x", job(**of).spec, decision.status)
        assert spec.training.max_length == effective
        assert spec.model.repo == "me/base"


def test_a_length_unlike_the_job_befores_is_warned_about() -> None:
    dependency = Dependency(kind="DPOJob", name="sft", uid="u", repo="me/sft", max_length=512)
    of = {"model": {"fromJob": {"name": "sft"}}, "training": {"maxLength": 2048}}
    known = DependencyFacts(found=dependency, complete=True)
    first = decide(observe(of=of, dependency=known), POOLS, NOW)
    planned = inspected(first, of=of).status.condition("Planned")
    assert planned is not None
    message = planned.message
    assert "training.maxLength is 2048; DPOJob sft" in message
    assert "up to 512 tokens" in message


def test_time_in_a_queue_is_not_training_time() -> None:
    of = {"budget": {"maxDuration": "1h"}}
    status = begun(**of)
    seen = training(status)
    ran = replace(RUNNING, started=NOW - timedelta(hours=9), finished=NOW - timedelta(hours=8.5))
    evicted = decide(
        observe(status, of=of, training=replace(seen, suspended=True), training_pods=(ran,)),
        POOLS,
        NOW,
    )
    again = replace(RUNNING, uid="again", started=NOW - timedelta(minutes=29))
    runs = observe(evicted.status, of=of, training=seen, training_pods=(again,))
    decision = decide(runs, POOLS, NOW)
    assert not decision.status.is_true(ConditionType.FAILED)
    assert decision.actions == ()
    over = decide(runs, POOLS, NOW + timedelta(minutes=1))
    assert over.actions == (DeleteJob(seen.name, seen.uid),)
    assert reason(over, "Training") == "BudgetExceeded"


def test_a_pods_last_seconds_are_written_at_once() -> None:
    """It may be gone when figures may be written again."""
    status = decide(
        observe(begun(), training=training(begun()), training_pods=(RUNNING,)), POOLS, NOW
    ).status
    over = replace(RUNNING, finished=NOW + timedelta(seconds=7), exit_code=12)
    later = observe(status, training=training(status), training_pods=(over,), refresh=False)
    decision = decide(later, POOLS, NOW + timedelta(seconds=8))
    assert decision.status.attempts[0].gpu_seconds == 17
    settled = replace(later, job=later.job.model_copy(update={"status": decision.status}))
    assert decide(settled, POOLS, NOW + timedelta(seconds=9)).status == decision.status


def test_a_container_killed_for_its_memory_ends_the_job_at_once() -> None:
    status = begun()
    seen = training(status)
    killed = ended("train", 137, "", exit_reason="OOMKilled")
    decision = decide(observe(status, training=seen, training_pods=(killed,)), POOLS, NOW)
    assert decision.actions == (DeleteJob(seen.name, seen.uid),)
    gone = settle(observe(decision.status))
    assert reason(gone, "Failed") == "OutOfMemory"


@pytest.mark.parametrize(
    ("last", "expected"),
    [
        (ended("train", 137, "", exit_reason="OOMKilled"), "OutOfMemory"),
        (ended("train", 13, ""), "DiskFull"),
        (ended("train", 1, failed("FromAnotherVersion", "m")), "BackoffLimitExceeded"),
    ],
)
def test_the_last_pod_speaks_and_not_one_that_was_interrupted(
    last: PodFacts, expected: str
) -> None:
    status = begun()
    word = {"outcome": "Interrupted", "reason": "Stopped", "message": "SIGTERM"}
    earlier = ended("train", 12, word, uid="earlier", finished=NOW - timedelta(minutes=9))
    job_ = training(status, failed=True, failure_reason="BackoffLimitExceeded")
    for pods in ((earlier, last), (last, earlier)):
        decision = settle(observe(status, training=job_, training_pods=pods))
        assert reason(decision, "Failed") == expected


def test_of_several_ranks_the_one_that_failed_speaks() -> None:
    status = begun()
    word = {"outcome": "Interrupted", "reason": "Stopped", "message": "SIGTERM"}
    pods = (
        ended("train", 12, word, uid="r0", index=0),
        ended("train", 1, failed("TrainingFailed", "NCCL."), uid="r1", index=1),
        ended("train", 11, failed("OutOfMemory", "No room."), uid="r2", index=2),
    )
    job_ = training(status, failed=True, failure_reason="PodFailurePolicy")
    decision = settle(observe(status, training=job_, training_pods=pods))
    assert reason(decision, "Failed") == "OutOfMemory"


def test_a_missing_pool_is_waited_for_a_moment() -> None:
    first = decide(observe(), POOLS, NOW)
    assert first.status.inspection is not None
    seen, pods = child(first.status.inspection.name), (ended("inspect", 0, REPORT),)
    looked = observe(first.status, inspection=seen, inspection_pods=pods)
    waiting = decide(looked, (), NOW)
    assert (reason(waiting, "Planned"), waiting.requeue_after) == ("NoPools", 10)
    assert not waiting.status.is_true(ConditionType.FAILED)
    later = observe(waiting.status)
    assert decide(later, (), NOW + timedelta(seconds=4)).requeue_after == 6
    assert reason(decide(later, POOLS, NOW + timedelta(seconds=4)), "Planned") == "Fits"
    assert reason(decide(later, (), NOW + timedelta(seconds=10)), "Failed") == "NoPools"


def test_an_intended_attempt_outlives_a_pool_that_is_gone_for_a_moment() -> None:
    """The operator died between the status and the create; meanwhile the pool is replaced."""
    status = begun()
    status.attempts[0].job.uid = None
    waiting = decide(observe(status), (), NOW)
    assert waiting.actions == ()
    back = decide(observe(waiting.status), POOLS, NOW + timedelta(seconds=2))
    assert reason(back, "Planned") == "Fits"
    assert isinstance(back.actions[-1], CreateTraining)
    assert len(back.status.attempts) == 1


def test_an_inspection_that_a_queue_holds_is_told() -> None:
    first = decide(observe(), POOLS, NOW)
    assert first.status.inspection is not None
    seen = child(first.status.inspection.name, suspended=True)
    held = decide(observe(first.status, inspection=seen), POOLS, NOW)
    assert reason(held, "Suspended") == "SuspendedByQueue"
