"""A job waits for the quotas of its namespace before it begins, and stops when one is used up."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from tests.kit.builders import (
    NOW,
    POOLS,
    RUNNING,
    UID,
    build_snapshot,
    decide_after_inspection,
    reason,
    seen_again,
    training,
    training_status,
)
from tests.kit.operator.attempt_snapshots import WAITS
from tests.kit.operator.cost_quotas import quota, spent_by_others

from dpojob_api.conditions import ConditionType
from dpojob_api.cost_quota import CountedJob
from dpojob_api.evaluation import Evaluation, JudgeUsage
from dpojob_operator.decide import (
    CreateTraining,
    Decision,
    DeleteJob,
    DeleteSelf,
    QuotaSnapshot,
    Snapshot,
)
from dpojob_operator.decide.object_snapshots import PodSnapshot
from dpojob_operator.decide.steps import decide_with_pools
from dpojob_operator.decide.summary import ADVICE

RESERVED = CountedJob(uid=UID, name="x", reserved=Decimal(10**9))


def planned(*quotas: QuotaSnapshot, **facts: Any) -> Decision:
    """After the inspection of a job whose namespace has these quotas."""
    first = decide_with_pools(build_snapshot(), POOLS, NOW)
    return decide_after_inspection(first, quotas=quotas, **facts)


def condition(decision: Decision, type_: str) -> str:
    found = decision.status.condition(type_)
    assert found is not None
    return found.message


def test_without_a_quota_nothing_waits() -> None:
    assert any(isinstance(action, CreateTraining) for action in planned().actions)


def test_a_job_without_room_waits_with_the_figures_before_a_gpu_is_asked_for() -> None:
    decision = planned(quota("100", spent_by_others("99")))
    assert decision.actions == () and decision.status.attempts == []
    assert decision.reservation is not None and decision.reservation.gpus == 0
    assert decision.status.phase == "Waiting"
    assert reason(decision, "Ready") == reason(decision, "Training") == "CostQuotaExceeded"
    assert decision.status.plan is not None
    message = condition(decision, "Ready")
    assert f"The plan costs {decision.status.plan.estimate.cost:.2f} USD" in message
    assert (
        "CostQuota team allows 100.00 a month, of which 99.00 are used and 0.00 reserved" in message
    )
    assert "this month ends 2026-12-01 00:00 UTC." in message
    assert message.endswith(ADVICE["CostQuotaExceeded"])
    assert decision.requeue_after is None, "its quota queues it"


def test_a_job_that_no_period_has_room_for_is_told_so() -> None:
    assert "more than the whole quota" in condition(planned(quota("0")), "Training")


@pytest.mark.parametrize(
    "unread", [quota("1000000"), quota("1000000", RESERVED, periodEnd=NOW), quota("9", periodEnd=None)]
)  # fmt: skip
def test_a_job_waits_until_the_quota_has_counted_it(unread: QuotaSnapshot) -> None:
    """Not read yet, of the period before, or new."""
    decision = planned(unread)
    assert decision.actions == () and reason(decision, "Ready") == "Starting"


def test_a_job_waits_while_a_quota_of_another_version_cannot_be_read() -> None:
    decision = planned(quota("1000000", RESERVED), unreadable_quotas=("newer",))
    assert decision.actions == () and decision.status.attempts == []
    assert reason(decision, "Ready") == "CostQuotaUnreadable"
    assert "cannot read CostQuota newer" in condition(decision, "Ready")
    assert decision.requeue_after == 30, "it queues no job when it can be read"
    goes_on = second_look(runs(unreadable_quotas=("newer",)))
    assert not any(isinstance(action, DeleteJob) for action in goes_on.actions)


def test_an_admitted_job_begins_and_the_tightest_quota_is_named() -> None:
    assert planned(quota("1000000", RESERVED)).status.attempts
    both = quota("1000000", RESERVED), quota("5", name="wide"), quota("1", name="tight")
    decision = planned(*both)
    assert decision.status.attempts == [] and "CostQuota tight" in condition(decision, "Training")
    small = RESERVED.model_copy(update={"reserved": Decimal("0.01")})
    assert planned(quota("1000000", small)).status.attempts == [], "the plan costs more now"


def runs(*quotas: QuotaSnapshot, price: str = "3600", **facts: Any) -> Snapshot:
    status = training_status()
    status.attempts[0].hourly_price = Decimal(price)
    facts.setdefault("training_pods", (RUNNING,))
    return build_snapshot(status, training=training(status), quotas=quotas, **facts)


def second_look(snapshot: Snapshot) -> Decision:
    return decide_with_pools(
        seen_again(snapshot, decide_with_pools(snapshot, POOLS, NOW)), POOLS, NOW
    )


def test_a_running_job_that_brings_the_sum_over_the_limit_is_stopped_with_its_checkpoint() -> None:
    """Its own newest reading counts before the quota has it."""
    full = quota("100", spent_by_others("99"), CountedJob(uid=UID, name="x"))
    snapshot = runs(full)
    assert decide_with_pools(snapshot, POOLS, NOW).actions == (), "a second look confirms it"
    over = second_look(snapshot)
    assert any(isinstance(action, DeleteJob) for action in over.actions)
    assert over.status.attempts[0].outcome == "Failed"
    assert reason(over, "Training") == "CostQuotaUsedUp"
    gone = decide_with_pools(build_snapshot(over.status, quotas=(full,)), POOLS, NOW)
    message = condition(gone, ConditionType.FAILED)
    assert reason(gone, "Ready") == "CostQuotaUsedUp"
    assert "of CostQuota team, which allows 100.00 a month; this month ends 2026-12-01" in message
    assert "The newest checkpoint is kept" in message


@pytest.mark.parametrize(
    ("full", "price"),
    [
        (quota("100", spent_by_others("50"), RESERVED), "3600"),
        (quota("0", periodEnd=NOW), "3600"),
        (quota("0"), "0"),
    ],
    ids=["room", "of the period before", "no price"],
)
def test_a_job_goes_on(full: QuotaSnapshot, price: str) -> None:
    snapshot = runs(full, price=price, training_pods=(replace(RUNNING, started=NOW),))
    assert not any(isinstance(a, DeleteJob) for a in second_look(snapshot).actions)


def test_a_job_whose_pod_never_ran_waits_for_the_quota_instead() -> None:
    full = quota("100", spent_by_others("100"), RESERVED)
    over = second_look(runs(full, training_pods=(WAITS,)))
    assert over.status.attempts[0].outcome == "Replanned"
    gone = decide_with_pools(build_snapshot(over.status, quotas=(full,)), POOLS, NOW)
    assert gone.status.attempts[0].end_time == NOW and not gone.status.is_true("Failed")
    waits = decide_with_pools(build_snapshot(gone.status, quotas=(full,)), POOLS, NOW)
    assert len(waits.status.attempts) == 1 and reason(waits, "Ready") == "CostQuotaExceeded"


@pytest.mark.parametrize("pods", [(), (replace(RUNNING, deleting=True),)], ids=["held", "evicted"])
def test_a_job_of_which_no_pod_goes_on_waits_for_the_quota_with_its_checkpoint(
    pods: tuple[PodSnapshot, ...],
) -> None:
    full = quota("100", spent_by_others("100"), RESERVED)
    snapshot = runs(full, training_pods=pods)
    status = snapshot.job.status
    status.plan = planned().status.plan
    status.attempts[0].start_time = NOW - timedelta(hours=1)
    assert snapshot.training is not None
    snapshot = replace(snapshot, training=replace(snapshot.training, suspended=True))
    over = second_look(snapshot)
    assert over.status.attempts[0].outcome == "Replanned"
    assert any(isinstance(action, DeleteJob) for action in over.actions)
    gone = decide_with_pools(build_snapshot(over.status, quotas=(full,)), POOLS, NOW)
    waits = decide_with_pools(build_snapshot(gone.status, quotas=(full,)), POOLS, NOW)
    assert len(waits.status.attempts) == 1 and reason(waits, "Ready") == "CostQuotaExceeded"
    room = quota("1000000", RESERVED)
    again = decide_with_pools(build_snapshot(waits.status, quotas=(room,)), POOLS, NOW)
    assert len(again.status.attempts) == 2 and again.status.artifacts == status.artifacts


def test_a_job_whose_pod_has_succeeded_ends_as_it_would_without_a_quota() -> None:
    full = quota("100", spent_by_others("100"), RESERVED)
    succeeded = replace(RUNNING, finished=NOW, exit_code=0)
    assert second_look(runs(full, training_pods=(succeeded,))).status.attempts[0].outcome is None


@pytest.mark.parametrize(
    ("counted", "judge", "deleted"),
    [("0", 0, False), (None, 0, False), ("5", 0, True), ("5", 2, False), ("7", 2, True)],
)
def test_a_finished_job_is_deleted_once_its_quota_holds_what_it_cost(
    counted: str | None, judge: float, deleted: bool
) -> None:
    status = training_status()
    attempt = status.attempts[0]
    attempt.gpu_seconds, attempt.start_time = 5.0, NOW - timedelta(hours=2)
    first = build_snapshot(status, spec_fields={"ttlSecondsAfterFinished": 1})
    failed = decide_with_pools(first, POOLS, NOW)  # its Job is gone
    failed.status.completion_time = NOW - timedelta(hours=1)
    failed.status.evaluation = Evaluation(prompts=1, judge_usage=JudgeUsage(cost=judge))
    entries = [] if counted is None else [CountedJob(uid=UID, name="x", spent=Decimal(counted))]
    ended = replace(first, quotas=(quota("100", *entries),))
    ended = replace(ended, job=first.job.model_copy(update={"status": failed.status}))
    decision = second_look(ended)
    assert any(isinstance(action, DeleteSelf) for action in decision.actions) is deleted
    assert deleted or decision.requeue_after == 5.0
    unknown = second_look(replace(ended, unreadable_quotas=("newer",)))
    assert not any(isinstance(action, DeleteSelf) for action in unknown.actions)


def test_a_finished_job_that_cost_less_than_quotas_count_is_deleted() -> None:
    status = training_status()
    attempt = status.attempts[0]
    attempt.gpu_seconds, attempt.start_time = 1.5, NOW - timedelta(hours=2)
    attempt.hourly_price = Decimal("0.001")
    first = build_snapshot(status, spec_fields={"ttlSecondsAfterFinished": 1})
    failed = decide_with_pools(first, POOLS, NOW)  # its Job is gone
    failed.status.completion_time = NOW - timedelta(hours=1)
    ended = replace(first, quotas=(quota("100"),))
    ended = replace(ended, job=first.job.model_copy(update={"status": failed.status}))
    assert any(isinstance(action, DeleteSelf) for action in second_look(ended).actions)
