"""A training container that is killed after training: what becomes of the job, its model and its cost."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from tests.kit.builders import finished_pod, training_status
from tests.kit.operator.attempt_snapshots import decided, trains

from dpojob_api.job import DPOJobStatus
from dpojob_operator.decide import DeleteJob

ASKED = {"evaluation": {"judge": {"rewardModel": {"repo": "org/reward"}}}}
ON_CLAIM = {"claimName": "x-output", "path": "out"}


@pytest.mark.parametrize("artifacts", [{"claimName": "x-output"}, {}, None])
def test_memory_that_runs_out_while_a_complete_model_is_evaluated_is_left_to_the_jobs_next_pod(
    artifacts: dict[str, str] | None,
) -> None:
    message = {"outcome": "Interrupted", "reason": "Stopped", "artifacts": artifacts}
    decision = decided(trains(finished_pod("train", 137, message, exit_reason="OOMKilled")))
    ended = [isinstance(action, DeleteJob) for action in decision.actions]
    # Only a model on a claim is there for the next pod.
    assert ended == ([] if artifacts else [True])


def ended_after_training(
    exit_reason: str,
    output: dict[str, Any],
    artifacts: dict[str, str] | None,
    *,
    evaluated: dict[str, Any] | None = None,
    usage: dict[str, Any] | None = None,
    **spec: Any,
) -> DPOJobStatus:
    """The end of a job whose last pod was killed while the finished model was evaluated."""
    fields = {**spec, **output}
    message = {
        "outcome": "Interrupted",
        "reason": "Stopped",
        "message": "Killed after training; the next attempt goes on with its evaluation.",
        "artifacts": artifacts,
        "evaluation": evaluated,
        "judgeUsage": usage,
    }
    snapshot = trains(
        finished_pod("train", 137, message, exit_reason=exit_reason),
        status=training_status(**fields),
        spec_fields=fields,
        failed=True,
        failure_reason="BackoffLimitExceeded",
    )
    return decided(snapshot).status


@pytest.mark.parametrize("exit_reason", ["OOMKilled", "Error"])
def test_a_model_whose_evaluation_is_killed_with_no_retry_left_is_complete(
    exit_reason: str,
) -> None:
    status = ended_after_training(exit_reason, {}, ON_CLAIM, **ASKED)
    assert status.condition("Failed") is None and status.is_true("Complete")
    found = status.condition("Improved")
    assert found is not None and (found.status, found.reason) == ("Unknown", "NotEvaluated")
    assert "dpojob evaluate" in found.message
    assert ("out of main memory" in found.message) == (exit_reason == "OOMKilled")
    assert status.artifacts is not None and status.artifacts.report == "out/report.html"
    complete = status.condition("Complete")
    assert complete is not None and "claim x-output, directory /out" in complete.message
    free = ended_after_training(exit_reason, {}, ON_CLAIM)
    assert free.is_true("Complete") and free.condition("Improved") is None
    assert free.evaluation is not None and "no retry was left" in (free.evaluation.note or "")


def test_what_the_judge_cost_is_in_the_cost_of_a_job_whose_evaluation_was_killed() -> None:
    usage = {"requests": 400, "inputTokens": 10**6, "outputTokens": 400, "cost": 2.51}
    free = ended_after_training("OOMKilled", {}, ON_CLAIM, **ASKED)
    paid = ended_after_training("OOMKilled", {}, ON_CLAIM, usage=usage, **ASKED)
    assert free.cost is not None and paid.cost is not None
    assert paid.cost.so_far - free.cost.so_far == Decimal("2.51")
    assert paid.evaluation is not None and paid.evaluation.verdict == "NotEvaluated"
    assert paid.evaluation.judge_usage is not None and paid.evaluation.judge_usage.requests == 400


S3 = {"output": {"s3": {"bucket": "models", "secret": {"name": "s3"}}}}
REQUIRED = {"evaluation": {**ASKED["evaluation"], "require": {"winRate": "0.55"}}}


@pytest.mark.parametrize(
    ("output", "artifacts", "says"),
    [
        ({"output": {"push": "me/tuned"}}, ON_CLAIM, "claim x-output, directory /out"),
        (S3, ON_CLAIM, "was killed after training, and no retry was left for the evaluation and"),
        ({"output": {"push": "me/tuned"}}, {}, "; the model was on no claim"),
    ],
)
def test_a_model_that_was_still_to_be_uploaded_is_failed_with_where_it_lies(
    output: dict[str, Any], artifacts: dict[str, str], says: str
) -> None:
    asked = ASKED if artifacts else {}  # With it, there is always a claim.
    status = ended_after_training("Error", output, artifacts, **asked)
    failed = status.condition("Failed")
    assert failed is not None and failed.reason == "BackoffLimitExceeded"
    assert says in failed.message and "next attempt" not in failed.message
    improved = status.condition("Improved")
    if artifacts:
        assert improved is not None and improved.status == "Unknown"
        assert improved.reason == "NotEvaluated" and "dpojob evaluate" in improved.message
    else:
        assert improved is None, "there is no model to evaluate"


@pytest.mark.parametrize("exit_reason", ["OOMKilled", "Error"])
@pytest.mark.parametrize("output", [{"output": {"push": "me/tuned"}}, S3])
def test_a_killed_evaluation_that_an_upload_requires_leaves_the_model_complete_and_not_uploaded(
    output: dict[str, Any], exit_reason: str
) -> None:
    status = ended_after_training(exit_reason, output, ON_CLAIM, **REQUIRED)
    improved, complete = status.condition("Improved"), status.condition("Complete")
    assert improved is not None and (improved.status, improved.reason) == (
        "Unknown",
        "NotEvaluated",
    )
    assert status.condition("Failed") is None and complete is not None
    assert "Nothing was uploaded, since evaluation.require is not met" in complete.message
    assert "claim x-output, directory /out" in complete.message
    assert status.artifacts is not None and status.artifacts.push is status.artifacts.s3 is None


def test_a_container_killed_in_the_upload_of_an_improved_model_fails_with_its_verdict() -> None:
    found = {"verdict": "BetterThanBase", "message": "It wins 70%."}
    status = ended_after_training(
        "Error", {"output": {"push": "me/tuned"}}, ON_CLAIM, evaluated=found, **REQUIRED
    )
    failed = status.condition("Failed")
    assert failed is not None and "no retry was left for the uploads" in failed.message
    assert status.is_true("Improved")
