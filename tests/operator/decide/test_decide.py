"""`decide`, by tables: from the first look to the training Job, and afterwards."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from tests.kit.builders import (
    NOW,
    POOLS,
    UID,
    begun,
    child,
    ended,
    inspected,
    job,
    observe,
    reason,
    settle,
    training,
)
from tests.kit.operator_fixture import REPORT

from dpojob_api.conditions import ConditionType
from dpojob_api.job import Dependency
from dpojob_operator.decide import (
    CreateClaim,
    CreateInspection,
    CreateTraining,
    DeleteJob,
    DeleteSelf,
    DependencySnapshot,
    decide_with_pools,
)
from dpojob_operator.decide.object_snapshots import PodSnapshot, PVCSnapshot


def test_the_intent_is_in_the_status_of_the_very_decision_that_creates() -> None:
    first = decide_with_pools(observe(), POOLS, NOW)
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
    first = inspected(decide_with_pools(observe(), POOLS, NOW))
    again = decide_with_pools(observe(first.status, training=training(first.status)), POOLS, NOW)
    assert again.actions == ()
    assert again.status.attempts[0].job.uid == training(first.status).uid


def test_a_missing_claim_is_waited_for_only_at_first() -> None:
    of = {"dataset": {"volume": {"claimName": "data", "path": ""}}}
    young = observe(of=of, claims={"data": None})
    young.job.metadata["creationTimestamp"] = "2026-11-23T11:59:57Z"
    waiting = decide_with_pools(young, POOLS, NOW)
    assert waiting.requeue_after == 7
    assert not waiting.status.is_true(ConditionType.FAILED)
    old = decide_with_pools(observe(of=of, claims={"data": None}), POOLS, NOW)
    assert reason(old, "Failed") == "ClaimNotFound"
    there = decide_with_pools(observe(of=of, claims={"data": PVCSnapshot("data")}), POOLS, NOW)
    assert isinstance(there.actions[0], CreateInspection)


def test_a_missing_secret_ends_the_job_after_a_grace() -> None:
    first = decide_with_pools(observe(), POOLS, NOW)
    assert first.status.inspection is not None
    pod = PodSnapshot(
        name="p", uid="p", created=NOW - timedelta(seconds=29), scheduled=True,
        waiting_reason="CreateContainerConfigError", waiting_message='secret "hub" not found',
    )  # fmt: skip
    seen = child(first.status.inspection.name)
    early = decide_with_pools(
        observe(first.status, inspection=seen, inspection_pods=(pod,)), POOLS, NOW
    )
    assert early.requeue_after == 1
    late = decide_with_pools(
        observe(first.status, inspection=seen, inspection_pods=(pod,)),
        POOLS,
        NOW + timedelta(seconds=2),
    )
    assert reason(late, "Failed") == "SecretNotFound"
    queued = replace(pod, created=NOW - timedelta(minutes=10), scheduled_at=NOW)
    scheduled_at = decide_with_pools(
        observe(first.status, inspection=seen, inspection_pods=(queued,)), POOLS, NOW
    )
    assert scheduled_at.requeue_after == 30 and not scheduled_at.status.is_true(
        ConditionType.FAILED
    )
    cleanup = decide_with_pools(observe(late.status, inspection=seen), POOLS, NOW)
    assert cleanup.actions == (DeleteJob(seen.name, seen.uid),)


def test_an_inspection_that_gave_its_verdict_is_left_for_its_log_to_be_read() -> None:
    first = decide_with_pools(observe(), POOLS, NOW)
    assert first.status.inspection is not None
    seen = child(first.status.inspection.name)  # the Job's own end lags behind its pod's
    word = {"valid": False, "reason": "ModelNotFound", "error": "It is not there."}
    pods = (ended("inspect", 2, word),)
    over = decide_with_pools(
        observe(first.status, inspection=seen, inspection_pods=pods), POOLS, NOW
    )
    assert reason(over, "Failed") == "ModelNotFound"
    assert decide_with_pools(observe(over.status, inspection=seen), POOLS, NOW).actions == ()


def test_time_to_live_counts_from_the_end() -> None:
    of = {"ttlSecondsAfterFinished": 60}
    first = decide_with_pools(observe(of=of, conflicting_object="Job y"), POOLS, NOW)
    waiting = decide_with_pools(observe(first.status, of=of), POOLS, NOW + timedelta(seconds=10))
    assert (waiting.actions, waiting.requeue_after) == ((), 50)
    over = decide_with_pools(observe(first.status, of=of), POOLS, NOW + timedelta(seconds=60))
    assert over.actions == (DeleteSelf(UID),)


def test_a_dependencys_max_length_yields_to_the_users_own() -> None:
    found = {"kind": "DPOJob", "name": "base", "uid": "u", "repo": "me/base", "maxLength": 512}
    for asked, effective in (({}, 512), ({"training": {"maxLength": 2048}}, 2048)):
        of: dict[str, Any] = {"model": {"fromJob": {"name": "base"}}, **asked}
        from dpojob_operator.decide.effective_spec import effective_spec

        dependency = Dependency.model_validate(found)
        decision = decide_with_pools(
            observe(of=of, dependency=DependencySnapshot(found=dependency, complete=True)),
            POOLS,
            NOW,
        )
        spec = effective_spec("x", job(**of).spec, decision.status)
        assert spec.training.max_length == effective
        assert spec.model.repo == "me/base"


def test_a_length_unlike_the_job_befores_is_warned_about() -> None:
    dependency = Dependency(kind="DPOJob", name="sft", uid="u", repo="me/sft", max_length=512)
    of = {"model": {"fromJob": {"name": "sft"}}, "training": {"maxLength": 2048}}
    known = DependencySnapshot(found=dependency, complete=True)
    first = decide_with_pools(observe(of=of, dependency=known), POOLS, NOW)
    planned = inspected(first, of=of).status.condition("Planned")
    assert planned is not None
    message = planned.message
    assert "training.maxLength is 2048; DPOJob sft" in message
    assert "up to 512 tokens" in message


@pytest.mark.parametrize(
    ("nodes", "modes", "warned"),
    [
        (2, {"in": "ReadWriteOnce", "out": "ReadWriteMany"}, ["in is ReadWriteOnce"]),
        (2, {"in": "ReadOnlyMany", "out": "ReadWriteOnce"}, ["out is ReadWriteOnce"]),
        (2, {"in": "ReadOnlyMany", "out": "ReadOnlyMany"}, ["out is ReadOnlyMany"]),
        (2, {"in": "ReadOnlyMany", "out": "ReadWriteMany"}, []),
        (1, {"in": "ReadWriteOnce", "out": "ReadWriteOnce"}, []),
    ],
)
def test_a_claim_that_pods_on_several_nodes_cannot_share_is_warned_about(
    nodes: int, modes: dict[str, str], warned: list[str]
) -> None:
    of: dict[str, Any] = {
        "model": {"volume": {"claimName": "in"}}, "output": {"volume": {"claimName": "out"}},
        "hardware": {"nodes": nodes},
    }  # fmt: skip
    claims = {name: PVCSnapshot(name, access_modes=(mode,)) for name, mode in modes.items()}
    first = decide_with_pools(observe(of=of, claims=claims), POOLS, NOW)
    planned = inspected(first, of=of, claims=claims).status.condition("Planned")
    assert planned is not None and planned.status == "True"
    said = re.findall(r"Claim (\w+ is \w+):", planned.message)
    assert said == warned


def test_a_missing_pool_is_waited_for_a_moment() -> None:
    first = decide_with_pools(observe(), POOLS, NOW)
    assert first.status.inspection is not None
    seen, pods = child(first.status.inspection.name), (ended("inspect", 0, REPORT),)
    looked = observe(first.status, inspection=seen, inspection_pods=pods)
    waiting = decide_with_pools(looked, (), NOW)
    assert (reason(waiting, "Planned"), waiting.requeue_after) == ("NoPools", 10)
    assert not waiting.status.is_true(ConditionType.FAILED)
    later = observe(waiting.status)
    assert decide_with_pools(later, (), NOW + timedelta(seconds=4)).requeue_after == 6
    assert reason(decide_with_pools(later, POOLS, NOW + timedelta(seconds=4)), "Planned") == "Fits"
    assert reason(decide_with_pools(later, (), NOW + timedelta(seconds=10)), "Failed") == "NoPools"


def test_an_intended_attempt_outlives_a_pool_that_is_gone_for_a_moment() -> None:
    """The operator died between the status and the create; meanwhile the pool is replaced."""
    status = begun()
    status.attempts[0].job.uid = None
    waiting = decide_with_pools(observe(status), (), NOW)
    assert waiting.actions == ()
    back = decide_with_pools(observe(waiting.status), POOLS, NOW + timedelta(seconds=2))
    assert reason(back, "Planned") == "Fits"
    assert isinstance(back.actions[-1], CreateTraining)
    assert len(back.status.attempts) == 1


def test_an_inspection_that_a_queue_holds_is_told() -> None:
    first = decide_with_pools(observe(), POOLS, NOW)
    assert first.status.inspection is not None
    seen = child(first.status.inspection.name, suspended=True)
    held = decide_with_pools(observe(first.status, inspection=seen), POOLS, NOW)
    assert reason(held, "Suspended") == "SuspendedByQueue"


def test_a_held_job_takes_no_dependency_yet_and_so_may_still_be_edited() -> None:
    of = {"model": {"fromJob": {"name": "sft"}}}
    found = Dependency(kind="DPOJob", name="sft", uid="u", volume={"claimName": "c", "path": ""})
    facts = DependencySnapshot(found=found, complete=True)
    held = settle(observe(of={**of, "suspend": True}, dependency=facts))
    assert (held.status.phase, held.status.dependency) == ("Suspended", None)
    assert settle(observe(held.status, of=of, dependency=facts)).status.dependency == found


def test_an_invalid_dataset_says_first_what_to_write_and_that_the_job_must_be_made_anew() -> None:
    report = {
        "valid": False, "columns": ["q", "good", "bad"], "preset": "none",
        "problems": [
            {"code": "MissingColumn", "message": "no columns prompt, chosen and rejected."},
            {"code": "NullValue", "rows": 2, "message": "2 rows are null."},
        ],
        "suggestion": {"columnMapping": {"prompt": "q", "chosen": "good", "rejected": "bad"}},
    }  # fmt: skip
    first = decide_with_pools(observe(), POOLS, NOW)
    assert first.status.inspection is not None
    seen = child(first.status.inspection.name)
    pods = (ended("inspect", 1, report),)
    failed = decide_with_pools(
        observe(first.status, inspection=seen, inspection_pods=pods), POOLS, NOW
    )
    said = failed.status.condition("Failed")
    assert said is not None and said.message == (
        "no columns prompt, chosen and rejected. Also, told in status.dataset.problems: NullValue. "
        "Columns found: q, good, bad. "
        "Write spec.dataset.columnMapping: {prompt: q, chosen: good, rejected: bad}. "
        "Correct that, then create this DPOJob again: delete it and apply it anew."
    )


def test_a_pool_that_was_away_while_the_job_was_suspended_is_looked_for_anew() -> None:
    stopped = begun()
    stopped.attempts[0].start_time = stopped.attempts[0].end_time = NOW
    stopped.attempts[0].outcome = "Suspended"
    away = decide_with_pools(observe(stopped), (), NOW)
    assert (reason(away, "Planned"), away.requeue_after) == ("NoPools", 10)
    minutes = NOW + timedelta(minutes=5)
    held = decide_with_pools(observe(away.status, of={"suspend": True}), (), minutes)
    assert not held.status.is_true(ConditionType.FAILED)
    let_go = decide_with_pools(observe(held.status), (), minutes + timedelta(seconds=1))
    assert not let_go.status.is_true(ConditionType.FAILED) and let_go.requeue_after == 10
    back = decide_with_pools(observe(let_go.status), POOLS, minutes + timedelta(seconds=2))
    assert reason(back, "Planned") == "Fits"
    assert isinstance(back.actions[-1], CreateTraining)


def test_a_suspended_job_does_not_fail_for_a_missing_pool() -> None:
    status = begun()
    status.attempts[0].job.uid = None
    late = NOW + timedelta(minutes=5)
    held = decide_with_pools(observe(status, of={"suspend": True}), (), late)
    assert held.status.attempts[0].outcome == "Suspended"
    assert not held.status.is_true(ConditionType.FAILED)
