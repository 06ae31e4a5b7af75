"""The output of a job named by `model.fromJob`, read from its object."""

from __future__ import annotations

from typing import Any

import pytest
from tests.kit.builders import job

from dpojob_operator.controllers.dpojob.from_job_output import from_dpojob, from_other


def other(output: str | None, *conditions: str) -> dict[str, Any]:
    annotations = {} if output is None else {"dpojob.dev/output": output}
    return {
        "metadata": {"name": "sft", "uid": "u", "annotations": annotations},
        "status": {"conditions": [{"type": c, "status": "True"} for c in conditions]},
    }


@pytest.mark.parametrize(
    ("output", "volume", "repo", "revision"),
    [
        ("models", {"claimName": "models", "path": ""}, None, None),
        ("models/sft/final", {"claimName": "models", "path": "sft/final"}, None, None),
        ("/models/sft/", {"claimName": "models", "path": "sft"}, None, None),
        ("hub:me/sft", None, "me/sft", None),
        ("hub:me/sft@0123", None, "me/sft", "0123"),
    ],
)
def test_an_annotation_names_a_claim_or_a_repository(
    output: str, volume: Any, repo: str | None, revision: str | None
) -> None:
    facts = from_other("TrainJob", other(output, "Complete"))
    assert facts.complete and not facts.problem
    assert facts.found is not None
    assert (facts.found.volume, facts.found.repo, facts.found.revision) == (volume, repo, revision)


@pytest.mark.parametrize(
    "output",
    [None, "", "/", "hub:", "models/../../etc", "My Claim/x", "hub:a/b/c", f"models/{'x' * 2000}"],
)
def test_an_invalid_output_annotation_is_reported(output: str | None) -> None:
    facts = from_other("Job", other(output, "Complete"))
    assert facts.complete
    assert "dpojob.dev/output" in facts.problem


@pytest.mark.parametrize("length", ["long", "²", "8", "", "99999999999"])
def test_an_invalid_length_annotation_is_reported(length: str) -> None:
    raw = other("models", "Complete")
    raw["metadata"]["annotations"]["dpojob.dev/output-max-length"] = length
    assert "dpojob.dev/output-max-length" in from_other("Job", raw).problem


def test_an_unfinished_job_is_not_complete_and_a_failed_job_is_failed() -> None:
    assert not from_other("Job", other(None)).complete
    assert from_other("Job", other(None, "Failed")).failed


@pytest.mark.parametrize(
    ("artifacts", "spec", "usable"),
    [
        ({"claimName": "c", "path": "p"}, {}, True),
        ({"push": "me/out@abc"}, {}, True),
        ({"s3": "s3://b/p"}, {}, False),
        (None, {}, False),
        ({"claimName": "c"}, {"validateOnly": True}, False),
        ({"claimName": "c"}, {"managedBy": "kueue.x-k8s.io/multikueue"}, False),
        (
            {"claimName": "c", "push": "me/out@abc"},
            {"managedBy": "kueue.x-k8s.io/multikueue"},
            True,
        ),
    ],
)
def test_a_dpojobs_output(artifacts: Any, spec: dict[str, Any], usable: bool) -> None:
    status: dict[str, Any] = {
        "conditions": [{"type": "Complete", "status": "True", "reason": "Completed"}]
    }
    if artifacts is not None:
        status["artifacts"] = artifacts
    facts = from_dpojob(job(status, **spec))
    assert facts.complete
    assert bool(facts.problem) is not usable
    assert facts.found is not None
    if usable and "push" in artifacts:
        assert (facts.found.repo, facts.found.revision) == ("me/out", "abc")


@pytest.mark.parametrize(
    ("kind", "model", "before", "claims"),
    [
        ("model", {"volume": {"claimName": "base", "path": "qwen"}}, None, []),
        ("adapter", {"volume": {"claimName": "base", "path": "qwen"}}, None, ["base"]),
        ("adapter", {"repo": "org/model"}, None, []),
        (
            "adapter",
            {"fromJob": {"name": "zeroth"}},
            {"volume": {"claimName": "zeroth-output", "path": ""}, "baseClaims": ["base"]},
            ["zeroth-output", "base"],
        ),
    ],
)
def test_an_adapter_brings_the_claims_of_its_base_model(
    kind: str, model: dict[str, Any], before: dict[str, Any] | None, claims: list[str]
) -> None:
    status: dict[str, Any] = {
        "conditions": [{"type": "Complete", "status": "True", "reason": "Completed"}],
        "artifacts": {"claimName": "out", "path": "", "kind": kind},
    }
    if before is not None:
        status["dependency"] = {"kind": "DPOJob", "name": "zeroth", "uid": "z", **before}
    facts = from_dpojob(job(status, model=model))
    assert facts.found is not None and facts.found.base_claims == claims


@pytest.mark.parametrize(
    ("improved", "says"),
    [
        (None, "it was not evaluated: it has no spec.evaluation."),
        (("True", "BetterThanBase"), ""),
        (("False", "NotBetter"), "its condition Improved is False (NotBetter): Won 40%."),
        (("Unknown", "Inconclusive"), "its condition Improved is Unknown (Inconclusive): Won 40%."),
    ],
)
def test_what_a_complete_jobs_improvement_says(improved: tuple[str, str] | None, says: str) -> None:
    conditions = [{"type": "Complete", "status": "True", "reason": "Completed"}]
    if improved is not None:
        state, reason = improved
        found = {"type": "Improved", "status": state, "reason": reason, "message": "Won 40%."}
        conditions.append(found)
    facts = from_dpojob(job({"conditions": conditions, "artifacts": {"claimName": "c"}}))
    assert facts.complete and facts.not_improved == says
    running = from_dpojob(job({"conditions": conditions[1:]}))
    assert not running.complete and running.not_improved == ""
