"""The condition Improved, by the verdict that the trainer reports."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from prometheus_client import REGISTRY
from tests.kit.builders import (
    NOW,
    POOLS,
    build_snapshot,
    decide_until_stable,
    finished_pod,
    job_snapshot,
    reason,
    training,
    training_status,
)
from tests.kit.operator_fixture import REPORT, succeeded

from dpojob_api.job import Dependency, DPOJobStatus
from dpojob_operator.controllers.dpojob.status_metrics import count_changes
from dpojob_operator.decide import DependencySnapshot, Policy
from dpojob_operator.decide.steps import decide_with_pools

ASKED = {"evaluation": {"judge": {"rewardModel": {"repo": "org/reward"}}}}
PROGRAM = {
    "evaluation": {"judge": {"program": {"volume": {"claimName": "rules", "path": "rule.py"}}}}
}


def finished(spec_fields: dict[str, Any], evaluation: dict[str, Any]) -> DPOJobStatus:
    status = training_status(**spec_fields)
    pods = (finished_pod("train", 0, {**succeeded(), "evaluation": evaluation}),)
    snapshot = build_snapshot(
        status,
        spec_fields=spec_fields,
        training=training(status, complete=True),
        training_pods=pods,
    )
    return decide_until_stable(snapshot).status


@pytest.mark.parametrize(
    ("verdict", "expected"),
    [
        ("BetterThanBase", ("True", "BetterThanBase")),
        ("NotBetter", ("False", "NotBetter")),
        ("TaskRegressed", ("False", "TaskRegressed")),
        ("LongerOnly", ("False", "LongerOnly")),
        ("RequirementNotMet", ("False", "RequirementNotMet")),
        ("Inconclusive", ("Unknown", "Inconclusive")),
        ("NotEvaluated", ("Unknown", "NotEvaluated")),
        ("not a reason; of another version", ("Unknown", "NotEvaluated")),
        (None, ("Unknown", "NotEvaluated")),
    ],
)
def test_the_verdict_becomes_the_condition(verdict: str | None, expected: tuple[str, str]) -> None:
    figures = {"verdict": verdict, "message": "The tuned model …", "winRate": {"value": 0.618}}
    status = finished(ASKED, figures)
    found = status.condition("Improved")
    assert found is not None and (found.status, found.reason) == expected
    assert found.message == "The tuned model …"
    assert status.display is not None and status.display.win_rate == "62%"
    assert status.is_true("Complete")


def test_what_the_judge_cost_is_in_the_cost_of_the_job() -> None:
    usage = {"requests": 400, "inputTokens": 10**6, "outputTokens": 400, "cost": 2.51}
    free = finished(ASKED, {"verdict": "BetterThanBase"}).cost
    paid = finished(ASKED, {"verdict": "BetterThanBase", "judgeUsage": usage}).cost
    assert free is not None and paid is not None
    assert paid.so_far - free.so_far == Decimal("2.51")


def test_without_a_judge_there_is_no_such_condition() -> None:
    status = finished({}, {"prompts": 32})
    assert status.condition("Improved") is None
    assert status.display is not None and status.display.win_rate is None


def test_too_few_prompts_are_reported_before_training() -> None:
    problem = {"code": "UnusablePrompts", "severity": "warning", "message": "7 are held out."}
    first = decide_with_pools(build_snapshot(spec_fields=ASKED), POOLS, NOW)
    assert first.status.inspection is not None
    pods = (finished_pod("inspect", 0, {**REPORT, "problems": [problem]}),)
    second = decide_with_pools(
        build_snapshot(
            first.status,
            spec_fields=ASKED,
            inspection=job_snapshot(first.status.inspection.name),
            inspection_pods=pods,
        ),
        POOLS,
        NOW,
    )
    found = second.status.condition("Improved")
    assert found is not None and (found.status, found.reason) == ("Unknown", "NotEvaluated")
    assert found.message == "7 are held out. Training goes on."
    assert second.status.attempts, "training goes on"


def test_tasks_alone_need_no_held_out_pairs_and_wait_for_their_claim() -> None:
    task = {"name": "mine", "volume": {"claimName": "tasks", "path": "mine.yaml"}}
    fields = {"evaluation": {"tasks": [{"name": "ifeval"}, task]}}
    first = decide_with_pools(build_snapshot(spec_fields=fields), POOLS, NOW)
    assert reason(first, "DatasetValid") == "ClaimNotFound"
    fields = {"evaluation": {"tasks": [{"name": "ifeval"}]}}
    results = [
        {"name": "ifeval", "difference": {"value": -0.2, "low": -0.3, "high": -0.1, "n": 99}}
    ]
    status = finished(fields, {"verdict": "TaskRegressed", "tasks": results})
    assert status.evaluation is not None and status.evaluation.tasks[0].change == -0.2
    assert (
        decide_with_pools(build_snapshot(spec_fields=fields), POOLS, NOW).status.condition(
            "Improved"
        )
        is None
    )


def test_a_program_runs_only_where_the_installation_allows_it() -> None:
    snapshot = build_snapshot(spec_fields=PROGRAM, claims={"rules": None})
    refused = decide_with_pools(snapshot, POOLS, NOW)
    assert reason(refused, "Failed") == "JudgeNotAllowed"
    assert not refused.actions
    policy = Policy(allow_judge_programs=True, missing_grace_seconds=1e9)
    allowed = decide_with_pools(replace(snapshot, policy=policy), POOLS, NOW)
    assert allowed.status.condition("Failed") is None
    # The program's claim is waited for like any other.
    assert reason(allowed, "DatasetValid") == "ClaimNotFound"


@pytest.mark.parametrize("asked", [True, False])
@pytest.mark.parametrize("says", ["", "its condition Improved is False (NotBetter): Won 40%."])
def test_another_jobs_output_must_be_an_improvement_where_that_is_required(
    asked: bool, says: str
) -> None:
    spec_fields = {"model": {"fromJob": {"name": "first", "requireImproved": asked}}}
    found = Dependency(kind="DPOJob", name="first", uid="u", repo="me/first")
    dependency = DependencySnapshot(found=found, complete=True, not_improved=says)
    status = decide_with_pools(
        build_snapshot(spec_fields=spec_fields, dependency=dependency), POOLS, NOW
    ).status
    failed = status.condition("Failed")
    if asked and says:
        assert failed is not None and failed.reason == "DependencyNotImproved"
        assert failed.message.endswith(f"of DPOJob first {says}")
        assert status.dependency is None
    else:
        assert failed is None and status.dependency == found


def test_verdicts_and_tokens_are_counted_once_a_job_has_ended() -> None:
    def value(name: str, **labels: str) -> float:
        return REGISTRY.get_sample_value(name, labels) or 0.0

    def counts() -> list[float]:
        return [
            value("dpojob_evaluations_total", improved="False", reason="NotBetter"),
            value("dpojob_evaluation_win_rate_ratio_count"),
            value("dpojob_evaluation_win_rate_ratio_sum"),
            value("dpojob_judge_tokens_total", direction="input"),
            value("dpojob_judge_tokens_total", direction="output"),
        ]

    usage = {"requests": 400, "inputTokens": 5000, "outputTokens": 400}
    figures = {"verdict": "NotBetter", "winRate": {"value": 0.25}, "judgeUsage": usage}
    ended, before = finished(ASKED, figures), counts()
    count_changes(build_snapshot(DPOJobStatus()), ended, "USD")
    after = counts()
    assert [b - a for a, b in zip(before, after, strict=True)] == [1, 1, 0.25, 5000, 400]
    count_changes(build_snapshot(ended), ended, "USD")
    count_changes(build_snapshot(DPOJobStatus()), finished({}, {"prompts": 32}), "USD")
    assert counts() == after
