"""`decide`, by tables: the state of a training Job and its pods."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from tests.kit.builders import (
    NOW,
    POOLS,
    RUNNING,
    build_snapshot,
    decide_until_stable,
    finished_pod,
    reason,
    running_status,
    training,
    training_status,
)
from tests.kit.operator_fixture import failed, succeeded

from dpojob_api.conditions import ConditionType
from dpojob_api.progress import Progress
from dpojob_operator.decide import DeleteJob
from dpojob_operator.decide.object_snapshots import PodSnapshot
from dpojob_operator.decide.steps import decide_with_pools


@pytest.mark.parametrize(
    ("facts", "pods", "expected"),
    [
        ({"complete": True}, (finished_pod("train", 0, succeeded()),), "Complete/Completed"),
        (
            {"failed": True, "failure_reason": "PodFailurePolicy"},
            (finished_pod("train", 11, failed("OutOfMemory", "No room.")),),
            "Failed/OutOfMemory",
        ),
        (
            {"failed": True, "failure_reason": "PodFailurePolicy"},
            (finished_pod("train", 13, "no message"),),
            "Failed/DiskFull",
        ),
        (
            {"failed": True, "failure_reason": "PodFailurePolicy"},
            (finished_pod("train", 137, "", exit_reason="OOMKilled"),),
            "Failed/OutOfMemory",
        ),
        (
            {"failed": True, "failure_reason": "BackoffLimitExceeded"},
            (finished_pod("train", 1, failed("TrainingFailed", "Oops.")),),
            "Failed/BackoffLimitExceeded",
        ),
        (
            {"failed": True, "failure_reason": "PodFailurePolicy"},
            (finished_pod("train", 10, failed("PushFailed", "401.")),),
            "Failed/PushFailed",
        ),
        ({"failed": True, "failure_reason": "BackoffLimitExceeded"}, (), "Failed/"
         "BackoffLimitExceeded"),
        ({}, (RUNNING,), "Training/Starting"),
        ({}, (replace(RUNNING, started=None, scheduled=False, unschedulable="1 Insufficient nvidia.com/gpu"),),
         "Training/Queued"),
        ({"suspended": True}, (), "Training/SuspendedByQueue"),
    ],
)  # fmt: skip
def test_the_reason_follows_from_the_training_job_and_its_pods(
    facts: dict[str, Any], pods: tuple[PodSnapshot, ...], expected: str
) -> None:
    status = training_status()
    decision = decide_until_stable(
        build_snapshot(status, training=training(status, **facts), training_pods=pods)
    )
    type_, _, wanted = expected.partition("/")
    assert reason(decision, type_) == wanted


def test_budget_and_suspension_record_the_end_before_the_delete() -> None:
    for spec_fields, outcome in (({"budget": {"maxCost": "1.00"}}, "Failed"), ({"suspend": True},
                                                                     "Suspended")):  # fmt: skip
        status = training_status()
        seen = training(status)
        pods = (replace(RUNNING, started=NOW - timedelta(hours=1)),)
        decision = decide_until_stable(
            build_snapshot(status, spec_fields=spec_fields, training=seen, training_pods=pods)
        )
        assert decision.actions == (DeleteJob(seen.name, seen.uid),)
        assert decision.status.attempts[0].outcome == outcome
        assert decision.status.attempts[0].end_time is None
        gone = decide_until_stable(build_snapshot(decision.status, spec_fields=spec_fields))
        assert gone.status.attempts[0].end_time is not None
        assert gone.actions == ()


def test_a_job_that_finished_while_it_was_being_stopped_is_complete() -> None:
    status = training_status()
    seen = training(status)
    spec_fields = {"suspend": True}
    stopping = decide_with_pools(
        build_snapshot(status, spec_fields=spec_fields, training=seen, training_pods=(RUNNING,)),
        POOLS,
        NOW,
    )
    done = replace(seen, complete=True, deleting=True)
    pods = (finished_pod("train", 0, succeeded()),)
    decision = decide_until_stable(
        build_snapshot(stopping.status, spec_fields=spec_fields, training=done, training_pods=pods)
    )
    assert reason(decision, "Complete") == "Completed"


def test_a_job_that_stopped_early_shows_full_progress() -> None:
    status = training_status()
    message = succeeded(step=40, maxSteps=100)
    pods = (finished_pod("train", 0, message),)
    done = decide_until_stable(
        build_snapshot(status, training=training(status, complete=True), training_pods=pods)
    )
    assert reason(done, "Complete") == "Completed"
    assert done.status.display is not None and done.status.progress is not None
    assert (done.status.display.progress, done.status.progress.step) == ("100%", 40)


def test_the_evaluation_of_a_finished_job_is_in_the_status() -> None:
    status = training_status()
    figures = {"prompts": 32, "klPerToken": 0.02, "rewardAccuracy": {"value": 0.8, "n": 40}}
    message = {**succeeded(), "evaluation": figures}
    done = decide_until_stable(
        build_snapshot(
            status,
            training=training(status, complete=True),
            training_pods=(finished_pod("train", 0, message),),
        )
    )
    assert done.status.evaluation is not None
    shown = done.status.wire()["evaluation"]
    assert {name: shown[name] for name in figures} == figures


def test_a_pods_last_seconds_are_written_at_once() -> None:
    """It may be gone when figures may be written again."""
    status = running_status()
    over = replace(RUNNING, finished=NOW + timedelta(seconds=7), exit_code=12)
    later = build_snapshot(status, training=training(status), training_pods=(over,), refresh=False)
    decision = decide_with_pools(later, POOLS, NOW + timedelta(seconds=8))
    assert decision.status.attempts[0].gpu_seconds == 17
    settled = replace(later, job=later.job.model_copy(update={"status": decision.status}))
    assert decide_with_pools(settled, POOLS, NOW + timedelta(seconds=9)).status == decision.status


def test_a_container_killed_for_its_memory_ends_the_job_at_once() -> None:
    status = training_status()
    seen = training(status)
    killed = finished_pod("train", 137, "", exit_reason="OOMKilled")
    decision = decide_with_pools(
        build_snapshot(status, training=seen, training_pods=(killed,)), POOLS, NOW
    )
    assert decision.actions == (DeleteJob(seen.name, seen.uid),)
    gone = decide_until_stable(build_snapshot(decision.status))
    assert reason(gone, "Failed") == "OutOfMemory"


UNSATISFIED = (
    "failed to create containerd task: OCI runtime create failed: nvidia-container-cli: requirement error: "
    "unsatisfied condition: cuda>=13.0, please update your driver to a newer version"
)


@pytest.mark.parametrize(
    ("last", "expected"),
    [
        (finished_pod("train", 137, "", exit_reason="OOMKilled"), "OutOfMemory"),
        (finished_pod("train", 13, ""), "DiskFull"),
        (finished_pod("train", 15, failed("GPUNotUsable", "No driver.")), "GPUNotUsable"),
        (finished_pod("train", 15, ""), "GPUNotUsable"),
        (finished_pod("train", 128, UNSATISFIED), "GPUNotUsable"),
        (finished_pod("train", 1, failed("FromAnotherVersion", "m")), "BackoffLimitExceeded"),
    ],
)
def test_the_last_pod_gives_the_reason_and_not_an_interrupted_one(
    last: PodSnapshot, expected: str
) -> None:
    status = training_status()
    message = {"outcome": "Interrupted", "reason": "Stopped", "message": "SIGTERM"}
    earlier = finished_pod("train", 12, message, uid="earlier", finished=NOW - timedelta(minutes=9))
    job_ = training(status, failed=True, failure_reason="BackoffLimitExceeded")
    for pods in ((earlier, last), (last, earlier)):
        decision = decide_until_stable(build_snapshot(status, training=job_, training_pods=pods))
        assert reason(decision, "Failed") == expected


def test_the_end_of_what_the_container_runtime_says_is_in_the_message() -> None:
    status = training_status()
    text = "first layer " * 40 + UNSATISFIED
    refused = replace(finished_pod("train", 128, ""), termination_message=text)
    failed_job = training(status, failed=True, failure_reason="BackoffLimitExceeded")
    decision = decide_until_stable(
        build_snapshot(status, training=failed_job, training_pods=(refused,))
    )
    condition = decision.status.condition("Failed")
    assert condition is not None
    assert condition.message.endswith(f"{UNSATISFIED})")
    assert condition.message.count("first layer") < 15


def test_of_several_ranks_the_failed_one_gives_the_reason() -> None:
    status = training_status()
    message = {"outcome": "Interrupted", "reason": "Stopped", "message": "SIGTERM"}
    pods = (
        finished_pod("train", 12, message, uid="r0", index=0),
        finished_pod("train", 1, failed("TrainingFailed", "NCCL."), uid="r1", index=1),
        finished_pod("train", 11, failed("OutOfMemory", "No room."), uid="r2", index=2),
    )
    job_ = training(status, failed=True, failure_reason="PodFailurePolicy")
    decision = decide_until_stable(build_snapshot(status, training=job_, training_pods=pods))
    assert reason(decision, "Failed") == "OutOfMemory"


def test_progress_of_an_earlier_attempt_is_not_reported_for_the_new_one() -> None:
    status = training_status()
    earlier = Progress.model_validate({"step": 60, "maxSteps": 100, "etaSeconds": 600})
    status.progress = earlier
    new = build_snapshot(status, training=training(status), training_pods=(RUNNING,))
    starting = decide_with_pools(new, POOLS, NOW)
    assert reason(starting, "Training") == "Starting"
    assert starting.status.display is not None and starting.status.display.eta is None
    resumed = earlier.model_copy(update={"step": 50, "resumed_from": 50})
    heard = decide_with_pools(replace(new, progress=resumed), POOLS, NOW)
    assert (reason(heard, "Training"), heard.status.attempts[0].first_step) == ("Starting", 50)
    stepped = replace(new, progress=resumed.model_copy(update={"step": 51}))
    assert reason(decide_with_pools(stepped, POOLS, NOW), "Training") == "Training"
    unheard = build_snapshot(
        decide_with_pools(stepped, POOLS, NOW).status,
        training=training(status),
        training_pods=(RUNNING,),
    )
    assert reason(decide_with_pools(unheard, POOLS, NOW), "Training") == "Training"


def test_a_smaller_batch_is_in_the_progress_and_in_the_condition_once_steps_are_taken() -> None:
    status = training_status()
    notice = "Out of memory at step 3 with 2 pairs per GPU at a time."
    for step, shown in ((2, False), (3, True)):
        reported = Progress(step=step, max_steps=9, resumed_from=2, notice=notice)
        decision = decide_with_pools(
            build_snapshot(
                status, training=training(status), training_pods=(RUNNING,), progress=reported
            ),
            POOLS,
            NOW,
        )
        assert decision.status.progress is not None and decision.status.progress.notice == notice
        condition = decision.status.condition(ConditionType.TRAINING)
        assert condition is not None and (notice in condition.message) is shown


def test_the_notice_of_a_pod_that_has_ended_stays_in_the_status() -> None:
    """An Event is made of it where no poll came between."""
    status = training_status()
    decision = decide_until_stable(
        build_snapshot(
            status,
            training=training(status, complete=True),
            training_pods=(finished_pod("train", 0, succeeded(notice="Less at a time.")),),
        )
    )
    assert decision.status.progress is not None
    assert decision.status.progress.notice == "Less at a time."


@pytest.mark.parametrize(
    ("health", "expected"),
    [
        ({"healthy": False, "reason": "MarginFlat"}, "MarginFlat"),
        ({"healthy": False, "reason": "no reason " * 500}, "Unhealthy"),
        ({"healthy": True, "reason": ""}, "Healthy"),
    ],
)
def test_only_known_reasons_of_health_reach_the_status(
    health: dict[str, Any], expected: str
) -> None:
    """The API server rejects a status with a long reason, and the job would never be written again."""
    status = training_status()
    reported = Progress.model_validate({"step": 1, "maxSteps": 2, "health": health})
    decision = decide_with_pools(
        build_snapshot(
            status, training=training(status), training_pods=(RUNNING,), progress=reported
        ),
        POOLS,
        NOW,
    )
    assert reason(decision, "TrainingHealthy") == expected
