"""`model.fromJob`: waited for, resolved, or the reason why it never will be."""

from __future__ import annotations

from typing import Any

import pytest
from tests.kit.builders import NOW, POOLS, build_snapshot, reason

from dpojob_api.job import Artifacts, Dependency
from dpojob_operator.decide import CreateInspection, Decision, DependencySnapshot
from dpojob_operator.decide.effective_spec import claims_mounted, effective_spec, model_source
from dpojob_operator.decide.steps import decide_with_pools

AFTER_SFT: dict[str, Any] = {"model": {"fromJob": {"kind": "DPOJob", "name": "sft"}}}
FOUND = Dependency(kind="DPOJob", name="sft", uid="u", repo="me/sft")


def decided(dependency: DependencySnapshot, **spec: Any) -> Decision:
    snapshot = build_snapshot(spec_fields={**AFTER_SFT, **spec}, dependency=dependency)
    return decide_with_pools(snapshot, POOLS, NOW)


@pytest.mark.parametrize(
    ("dependency", "ended", "message"),
    [
        (DependencySnapshot(found=FOUND, failed=True, failure="No room."), "DependencyFailed",
         "DPOJob sft, whose output this job tunes, failed: No room. Mend it, then create this DPOJob again."),
        (DependencySnapshot(found=FOUND, complete=True, problem="No claim."), "DependencyHasNoOutput",
         "No claim."),
        (DependencySnapshot(complete=True, problem="No claim."), "DependencyHasNoOutput", "No claim."),
        (DependencySnapshot(found=FOUND, cycle=("x", "sft", "x")), "DependencyCycle",
         "model.fromJob leads back to this job (x -> sft -> x): none of them can start. "
         "Give one of them model.repo or model.volume."),
    ],
)  # fmt: skip
def test_a_job_that_can_never_start_fails(
    dependency: DependencySnapshot, ended: str, message: str
) -> None:
    decision = decided(dependency)
    failed = decision.status.condition("Failed")
    assert failed is not None and (failed.reason, failed.message) == (ended, message)
    assert decision.actions == () and decision.status.inspection is None


@pytest.mark.parametrize(
    ("dependency", "state"),
    [
        (DependencySnapshot(), "does not exist yet"),
        (DependencySnapshot(found=FOUND), "has not finished yet"),
    ],
)
def test_a_job_waits_for_the_other_and_looks_again(
    dependency: DependencySnapshot, state: str
) -> None:
    decision = decided(dependency)
    condition = decision.status.condition("DatasetValid")
    assert condition is not None and (condition.status, condition.reason) == (
        "Unknown",
        "WaitingForJob",
    )
    assert condition.message == (
        f"DPOJob sft, whose output this job tunes, {state}; this job starts when it is complete."
    )
    assert (decision.status.phase, decision.requeue_after, decision.actions) == ("Waiting", 30, ())
    assert decided(dependency, suspend=True).status.phase == "Suspended"


def test_the_other_jobs_output_is_inspected_once_it_is_complete() -> None:
    decision = decided(DependencySnapshot(found=FOUND, complete=True))
    assert decision.status.dependency == FOUND
    assert isinstance(decision.actions[0], CreateInspection)


def test_a_resolved_dependency_is_not_looked_up_again() -> None:
    resolved = decided(DependencySnapshot(found=FOUND, complete=True)).status
    failing = DependencySnapshot(found=FOUND, failed=True, failure="It was deleted.")
    again = decide_with_pools(
        build_snapshot(resolved, spec_fields=AFTER_SFT, dependency=failing), POOLS, NOW
    )
    assert reason(again, "Failed") is None


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        ({"repo": "me/sft", "revision": "main"}, {"repo": "me/sft", "revision": "main"}),
        ({"volume": {"claimName": "c", "path": "p"}}, {"volume": {"claimName": "c", "path": "p"}}),
        ({"volume": {"claimName": "c"}}, {"volume": {"claimName": "c", "path": ""}}),
    ],
)
def test_the_output_becomes_the_model(output: dict[str, Any], expected: dict[str, Any]) -> None:
    dependency = Dependency.model_validate({"kind": "Job", "name": "a", "uid": "u", **output})
    assert model_source(dependency).wire() == expected


@pytest.mark.parametrize(
    ("of_dependency", "asked", "length"),
    [(512, {}, 512), (512, {"maxLength": 1024}, 512), (512, {"maxLength": 2048}, 2048),
     (512, {"maxLength": 256}, 256), (None, {}, 1024)],
)  # fmt: skip
def test_the_other_jobs_length_replaces_the_default_alone(
    of_dependency: int | None, asked: dict[str, int], length: int
) -> None:
    found = FOUND.model_copy(update={"max_length": of_dependency})
    snapshot = build_snapshot(
        spec_fields={**AFTER_SFT, "training": asked},
        dependency=DependencySnapshot(found=found, complete=True),
    )
    decision = decide_with_pools(snapshot, POOLS, NOW)
    spec = effective_spec("x", snapshot.job.spec, decision.status)
    assert spec.training.max_length == length


def test_the_model_stays_as_it_was_written_until_the_earlier_job_is_resolved() -> None:
    job = build_snapshot(spec_fields=AFTER_SFT).job
    assert effective_spec("x", job.spec, job.status).model == job.spec.model


def test_the_created_claim_is_the_output_of_a_job_that_names_none() -> None:
    job = build_snapshot().job
    status = job.status.model_copy(update={"artifacts": Artifacts(claim_name="x-output")})
    volume = effective_spec("x", job.spec, status).output.volume
    assert volume is not None
    assert (volume.claim_name, volume.path) == ("x-output", "")


def test_only_the_claim_of_the_output_is_mounted_to_be_written() -> None:
    spec = build_snapshot(
        spec_fields={
            "model": {"volume": {"claimName": "m"}},
            "dataset": {"volume": {"claimName": "d", "path": "pairs.jsonl"}},
            "output": {"volume": {"claimName": "o"}},
        }
    ).job.spec
    base = FOUND.model_copy(update={"base_claims": ["b"]})
    assert claims_mounted(spec, base) == {"m": True, "b": True, "d": True, "o": False}
    assert claims_mounted(spec, None) == {"m": True, "d": True, "o": False}
    assert claims_mounted(build_snapshot().job.spec, None) == {}
