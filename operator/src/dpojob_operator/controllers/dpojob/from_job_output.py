"""The state and output of a job that `model.fromJob` names, read from its object. No I/O."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from dpojob_api.conditions import ConditionType
from dpojob_api.constants import ANNOTATION_OUTPUT, ANNOTATION_OUTPUT_MAX_LENGTH, CONTROLLER_NAME
from dpojob_api.job import Dependency, DPOJob
from dpojob_api.spec import Training
from dpojob_operator.decide import DependencySnapshot
from dpojob_operator.decide.conditions import true_conditions
from dpojob_operator.decide.effective_spec import model_source

HUB = "hub:"


def from_dpojob(job: DPOJob) -> DependencySnapshot:
    """Its output is the volume its model lies on, else the hub repository it was pushed to."""
    status = job.status
    complete, failed = status.is_true(ConditionType.COMPLETE), status.is_true(ConditionType.FAILED)
    found = Dependency(kind="DPOJob", name=job.name, uid=job.uid)
    if failed:
        condition = status.condition(ConditionType.FAILED)
        assert condition is not None
        text = f"{condition.reason}: {condition.message}"
        return DependencySnapshot(found=found, failed=True, failure=text)
    artifacts = status.artifacts
    elsewhere = job.spec.managed_by not in (None, CONTROLLER_NAME)
    if complete and job.spec.validate_only:
        return DependencySnapshot(
            found=found,
            complete=True,
            problem=_no_output_message(found, "it has validateOnly: true"),
        )
    if complete and artifacts is not None:
        found.max_length = artifacts.max_length
        if artifacts.claim_name is not None and not elsewhere:
            found.volume = {"claimName": artifacts.claim_name, "path": artifacts.path or ""}
        if artifacts.kind == "adapter":
            found.base_claims = _base_claims(job)
        elif artifacts.push is not None:
            found.repo, _, revision = artifacts.push.partition("@")
            found.revision = revision or None
    problem = ""
    if complete and found.volume is None and found.repo is None:
        why = "it went neither to a volume nor to the hub"
        if elsewhere:
            why = "its volume is of the cluster that trained it (spec.managedBy), and it is not on the hub"
        problem = _no_output_message(found, why)
    not_improved = _not_improved(job) if complete else ""
    return DependencySnapshot(
        found=found, complete=complete, problem=problem, not_improved=not_improved
    )


def _not_improved(job: DPOJob) -> str:
    """What the condition Improved of a complete job says; empty where it is True."""
    condition = job.status.condition(ConditionType.IMPROVED)
    if condition is None:
        return "it was not evaluated: it has no spec.evaluation."
    if condition.status == "True":
        return ""
    return f"its condition Improved is {condition.status} ({condition.reason}): {condition.message}"


def _base_claims(job: DPOJob) -> list[str]:
    """The claims that hold the base model of the job's adapter."""
    claims = [] if job.spec.model.volume is None else [job.spec.model.volume.claim_name]
    before = job.status.dependency
    if before is not None:
        claims += [before.volume["claimName"]] if before.volume is not None else []
        claims += before.base_claims
    return list(dict.fromkeys(claims))


def from_other(kind: str, raw: Mapping[str, Any]) -> DependencySnapshot:
    """A batch/v1 Job or a TrainJob, which names its output in an annotation."""
    metadata = raw["metadata"]
    found = Dependency(kind=kind, name=metadata["name"], uid=metadata["uid"])
    states = true_conditions(raw)
    if "Failed" in states:
        message = states["Failed"].get("message") or states["Failed"].get("reason", "")
        return DependencySnapshot(found=found, failed=True, failure=message)
    if "Complete" not in states:
        return DependencySnapshot(found=found)
    annotations = metadata.get("annotations") or {}
    problem = _read_output(found, annotations.get(ANNOTATION_OUTPUT, ""))
    length = annotations.get(ANNOTATION_OUTPUT_MAX_LENGTH)
    if not problem and length is not None:
        problem = _read_length(found, length)
    return DependencySnapshot(found=found, complete=True, problem=problem)


def _read_output(found: Dependency, text: str) -> str:
    """Fills in the output; returns the problem with the annotation, empty when there is none."""
    if text.startswith(HUB):
        found.repo, _, revision = text.removeprefix(HUB).partition("@")
        found.revision = revision or None
    else:
        claim, _, path = text.strip("/").partition("/")
        if ".." in path.split("/"):
            return _annotation_message(found, text)
        found.volume = {"claimName": claim, "path": path}
    try:
        model_source(found)
    except ValidationError:  # a claim or a repository cannot have that name
        return _annotation_message(found, text)
    return ""


def _read_length(found: Dependency, text: str) -> str:
    """Fills in the length; returns the problem with the annotation, empty when there is none."""
    try:
        found.max_length = Training.model_validate({"maxLength": text}).max_length
    except ValidationError:
        return (
            f"{found.kind} {found.name} is complete, but its annotation "
            f"{ANNOTATION_OUTPUT_MAX_LENGTH} is {text!r}. Write a number of tokens, such as 2048, or "
            "leave it out; then create this DPOJob again."
        )
    return ""


def _annotation_message(found: Dependency, text: str) -> str:
    has = f"is {text!r}" if text else "is missing"
    return (
        f"{found.kind} {found.name} is complete, but its annotation {ANNOTATION_OUTPUT} {has}. "
        'Write where its model lies: "claim/path" or "hub:repo@revision"; then create this '
        "DPOJob again."
    )


def _no_output_message(found: Dependency, why: str) -> str:
    return (
        f"{found.kind} {found.name} is complete and left no model to tune: {why}. "
        "Name another job, or model.repo or model.volume."
    )
