"""`decide`, by tables: from the first pass to the training Job, and afterwards."""

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
    build_snapshot,
    decide_after_inspection,
    decide_until_stable,
    finished_pod,
    job,
    job_snapshot,
    reason,
    seen_again,
    training,
    training_status,
)
from tests.kit.operator_fixture import REPORT

from dpojob_api.conditions import ConditionType
from dpojob_api.job import Dependency
from dpojob_api.report import InspectionReport
from dpojob_operator.decide import (
    CreateClaim,
    CreateInspection,
    CreateTraining,
    DeleteJob,
    DeleteSelf,
    DependencySnapshot,
    SharedInspection,
)
from dpojob_operator.decide.object_snapshots import PodSnapshot, PVCSnapshot
from dpojob_operator.decide.steps import decide_with_pools


def test_a_decision_that_creates_children_has_their_names_in_its_status() -> None:
    first = decide_with_pools(build_snapshot(), POOLS, NOW)
    assert first.status.inspection is not None
    assert first.actions == (CreateInspection(first.status.inspection.name),)
    second = decide_after_inspection(first)
    assert second.status.plan is not None
    (attempt,) = second.status.attempts
    assert second.actions == (
        CreateClaim("x-output", second.status.plan.output_gib, shared=False),
        CreateTraining(attempt.job.name, 1),
    )


def test_a_job_that_was_created_is_recorded_and_not_created_again() -> None:
    first = decide_after_inspection(decide_with_pools(build_snapshot(), POOLS, NOW))
    created = build_snapshot(first.status, training=training(first.status))
    again = decide_with_pools(created, POOLS, NOW)
    assert again.actions == () and again.status.attempts == first.status.attempts
    again = decide_with_pools(seen_again(created, again, 10), POOLS, NOW)
    assert again.actions == ()
    assert again.status.attempts[0].job.uid == training(first.status).uid


def test_a_missing_claim_is_waited_for_since_it_was_first_looked_for() -> None:
    spec_fields = {"dataset": {"volume": {"claimName": "data", "path": ""}}}
    first = build_snapshot(spec_fields=spec_fields, claims={"data": None})
    waiting = decide_with_pools(first, POOLS, NOW)
    assert waiting.requeue_after == 10
    assert not waiting.status.is_true(ConditionType.FAILED)
    early = decide_with_pools(seen_again(first, waiting, 3), POOLS, NOW + timedelta(hours=6))
    assert early.requeue_after == 7
    assert not early.status.is_true(ConditionType.FAILED)
    old = decide_with_pools(seen_again(first, waiting, 10), POOLS, NOW)
    assert reason(old, "Failed") == "ClaimNotFound"
    there = decide_with_pools(
        build_snapshot(spec_fields=spec_fields, claims={"data": PVCSnapshot("data")}), POOLS, NOW
    )
    assert isinstance(there.actions[0], CreateInspection)


def test_a_missing_secret_fails_the_job_after_a_grace_time() -> None:
    first = decide_with_pools(build_snapshot(), POOLS, NOW)
    assert first.status.inspection is not None
    pod = PodSnapshot(
        name="p", uid="p", created=NOW - timedelta(hours=1), scheduled=True,
        waiting_reason="CreateContainerConfigError", waiting_message='secret "hub" not found',
    )  # fmt: skip
    seen = job_snapshot(first.status.inspection.name)
    waits = build_snapshot(first.status, inspection=seen, inspection_pods=(pod,))
    early = decide_with_pools(waits, POOLS, NOW)
    assert early.requeue_after == 30 and not early.status.is_true(ConditionType.FAILED)
    late = decide_with_pools(seen_again(waits, early, 30), POOLS, NOW)
    assert reason(late, "Failed") == "SecretNotFound"
    other = replace(seen_again(waits, early, 30), inspection_pods=(replace(pod, uid="other"),))
    assert not decide_with_pools(other, POOLS, NOW).status.is_true(ConditionType.FAILED)
    cleanup = decide_with_pools(build_snapshot(late.status, inspection=seen), POOLS, NOW)
    assert cleanup.actions == (DeleteJob(seen.name, seen.uid),)


def test_an_inspection_job_with_a_report_is_kept_for_its_log() -> None:
    first = decide_with_pools(build_snapshot(), POOLS, NOW)
    assert first.status.inspection is not None
    seen = job_snapshot(first.status.inspection.name)  # the Job's own end lags behind its pod's
    message = {"valid": False, "reason": "ModelNotFound", "error": "It is not there."}
    pods = (finished_pod("inspect", 2, message),)
    over = decide_with_pools(
        build_snapshot(first.status, inspection=seen, inspection_pods=pods), POOLS, NOW
    )
    assert reason(over, "Failed") == "ModelNotFound"
    assert decide_with_pools(build_snapshot(over.status, inspection=seen), POOLS, NOW).actions == ()


def test_time_to_live_counts_from_the_end() -> None:
    spec_fields = {"ttlSecondsAfterFinished": 60}
    first = decide_with_pools(
        build_snapshot(spec_fields=spec_fields, conflicting_object="Job y"), POOLS, NOW
    )
    ended = build_snapshot(first.status, spec_fields=spec_fields)
    waiting = decide_with_pools(ended, POOLS, NOW + timedelta(seconds=10))
    assert (waiting.actions, waiting.requeue_after) == ((), 50)
    stepped = decide_with_pools(seen_again(ended, waiting, 1), POOLS, NOW + timedelta(hours=6))
    assert (stepped.actions, stepped.requeue_after) == ((), 59)
    over = seen_again(ended, stepped, 60)
    confirmed = seen_again(over, decide_with_pools(over, POOLS, NOW))
    assert decide_with_pools(over, POOLS, NOW).actions == ()
    assert decide_with_pools(confirmed, POOLS, NOW).actions == (DeleteSelf(UID),)


def test_the_users_max_length_overrides_the_dependencys() -> None:
    found = {"kind": "DPOJob", "name": "base", "uid": "u", "repo": "me/base", "maxLength": 512}
    for asked, effective in (({}, 512), ({"training": {"maxLength": 2048}}, 2048)):
        spec_fields: dict[str, Any] = {"model": {"fromJob": {"name": "base"}}, **asked}
        from dpojob_operator.decide.effective_spec import effective_spec

        dependency = Dependency.model_validate(found)
        decision = decide_with_pools(
            build_snapshot(
                spec_fields=spec_fields,
                dependency=DependencySnapshot(found=dependency, complete=True),
            ),
            POOLS,
            NOW,
        )
        spec = effective_spec("x", job(**spec_fields).spec, decision.status)
        assert spec.training.max_length == effective
        assert spec.model.repo == "me/base"


def test_a_max_length_that_differs_from_the_dependencys_is_warned_about() -> None:
    dependency = Dependency(kind="DPOJob", name="sft", uid="u", repo="me/sft", max_length=512)
    spec_fields = {"model": {"fromJob": {"name": "sft"}}, "training": {"maxLength": 2048}}
    known = DependencySnapshot(found=dependency, complete=True)
    first = decide_with_pools(build_snapshot(spec_fields=spec_fields, dependency=known), POOLS, NOW)
    planned = decide_after_inspection(first, spec_fields=spec_fields).status.condition("Planned")
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
    spec_fields: dict[str, Any] = {
        "model": {"volume": {"claimName": "in"}}, "output": {"volume": {"claimName": "out"}},
        "hardware": {"nodes": nodes},
    }  # fmt: skip
    claims = {name: PVCSnapshot(name, access_modes=(mode,)) for name, mode in modes.items()}
    first = decide_with_pools(build_snapshot(spec_fields=spec_fields, claims=claims), POOLS, NOW)
    planned = decide_after_inspection(
        first, spec_fields=spec_fields, claims=claims
    ).status.condition("Planned")
    assert planned is not None and planned.status == "True"
    found = re.findall(r"Claim (\w+ is \w+):", planned.message)
    assert found == warned


def test_a_recorded_attempt_is_kept_while_its_pool_is_replaced() -> None:
    """The operator died between the status and the create; meanwhile the pool is replaced."""
    status = training_status()
    status.attempts[0].job.uid = None
    waiting = decide_with_pools(build_snapshot(status), (), NOW)
    assert waiting.actions == ()
    back = decide_with_pools(build_snapshot(waiting.status), POOLS, NOW + timedelta(seconds=2))
    assert reason(back, "Planned") == "Fits"
    assert isinstance(back.actions[-1], CreateTraining)
    assert len(back.status.attempts) == 1


def test_an_inspection_held_by_a_queue_is_reported() -> None:
    first = decide_with_pools(build_snapshot(), POOLS, NOW)
    assert first.status.inspection is not None
    seen = job_snapshot(first.status.inspection.name, suspended=True)
    held = decide_with_pools(build_snapshot(first.status, inspection=seen), POOLS, NOW)
    assert reason(held, "Suspended") == "SuspendedByQueue"


def test_a_suspended_job_resolves_no_dependency_and_stays_editable() -> None:
    spec_fields = {"model": {"fromJob": {"name": "sft"}}}
    found = Dependency(kind="DPOJob", name="sft", uid="u", volume={"claimName": "c", "path": ""})
    facts = DependencySnapshot(found=found, complete=True)
    held = decide_until_stable(
        build_snapshot(spec_fields={**spec_fields, "suspend": True}, dependency=facts)
    )
    assert (held.status.phase, held.status.dependency) == ("Suspended", None)
    assert (
        decide_until_stable(
            build_snapshot(held.status, spec_fields=spec_fields, dependency=facts)
        ).status.dependency
        == found
    )


def test_suspects_and_the_page_are_in_the_status_but_not_anothers_page() -> None:
    report = {
        **REPORT,
        "suspects": [{"kind": "Secret", "rows": 2, "examples": [4, 9]}],
        "comparedRows": 90,
        "page": "mine/inspection.html",
    }
    found = decide_after_inspection(decide_with_pools(build_snapshot(), POOLS, NOW), report)
    data = found.status.dataset
    assert data is not None and data.page == "mine/inspection.html" and data.compared_rows == 90
    assert [(str(group.kind), group.rows) for group in data.suspects] == [("Secret", 2)]
    shared = SharedInspection("first", InspectionReport.model_validate(report))
    copied = decide_with_pools(build_snapshot(shared=shared), POOLS, NOW).status.dataset
    assert copied is not None and copied.page is None and copied.suspects == data.suspects


def test_an_invalid_dataset_is_reported_with_the_correction_and_the_advice_to_recreate() -> None:
    report = {
        "valid": False, "columns": ["q", "good", "bad"], "preset": "none",
        "problems": [
            {"code": "MissingColumn", "message": "no columns prompt, chosen and rejected."},
            {"code": "NullValue", "rows": 2, "message": "2 rows are null."},
        ],
        "suggestion": {"columnMapping": {"prompt": "q", "chosen": "good", "rejected": "bad"}},
    }  # fmt: skip
    first = decide_with_pools(build_snapshot(), POOLS, NOW)
    assert first.status.inspection is not None
    seen = job_snapshot(first.status.inspection.name)
    pods = (finished_pod("inspect", 1, report),)
    failed = decide_with_pools(
        build_snapshot(first.status, inspection=seen, inspection_pods=pods), POOLS, NOW
    )
    condition = failed.status.condition("Failed")
    assert condition is not None and condition.message == (
        "no columns prompt, chosen and rejected. Further errors in status.dataset.problems: NullValue. "
        "Columns found: q, good, bad. "
        "Write spec.dataset.columnMapping: {prompt: q, chosen: good, rejected: bad}. "
        "Correct that, then create this DPOJob again: delete it and apply it anew."
    )


def test_a_spec_that_no_pod_can_hold_ends_the_job_and_creates_nothing() -> None:
    first = decide_with_pools(build_snapshot(), POOLS, NOW)
    message = "The job's pods would be given 300 KiB."
    then = decide_with_pools(build_snapshot(first.status, oversized_inputs=message), POOLS, NOW)
    assert reason(then, ConditionType.FAILED) == "SpecTooLarge"
    assert then.actions == ()
    condition = then.status.condition(ConditionType.FAILED)
    assert condition is not None and condition.message == message
