"""What is decided from the progress, the pods and the outcome of an attempt."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from tests.kit.builders import (
    NOW,
    RUNNING,
    finished_pod,
    reason,
    seen_again,
    training_status,
)
from tests.kit.operator.attempt_snapshots import HOUR_AGO, NAME, WAITS, condition, decided, trains
from tests.kit.operator_fixture import failed, succeeded

from dpojob_api.progress import Progress
from dpojob_operator.decide.object_snapshots import PodSnapshot
from dpojob_operator.decide.steps.job_result import JOB_END_SECONDS, parse_outcome


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
    status.plan = status.plan.model_copy(update={"gpus": 4, "nodes": 2})
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
        ((), "TrainingFailed", "The training pod wrote no termination message; see its log."),
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


def test_the_end_of_the_pods_is_written_with_the_end_of_their_job() -> None:
    status = decided(trains(RUNNING)).status
    ended = trains(replace(finished_pod("train", 0, succeeded()), name="p", uid="p"), status=status)
    first = decided(ended)
    assert first.status.wire() == status.wire() and first.requeue_after == JOB_END_SECONDS
    late = decided(seen_again(ended, first, JOB_END_SECONDS))
    (attempt,) = late.status.attempts
    assert attempt.pod_seconds.keys() == {"p"}, "a Job that is not counted must not lose the cost"
