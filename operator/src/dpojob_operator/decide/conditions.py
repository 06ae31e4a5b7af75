"""How conditions of an object are read, and replaced by newer ones; the status of Improved by its reason."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from dpojob_api.conditions import Reason
from dpojob_api.status_condition import Condition

IMPROVED_BY_VERDICT: dict[str, bool | None] = {
    Reason.BETTER_THAN_BASE: True,
    Reason.NOT_BETTER: False,
    Reason.TASK_REGRESSED: False,
    Reason.LONGER_ONLY: False,
    Reason.REQUIREMENT_NOT_MET: False,
    Reason.INCONCLUSIVE: None,
    Reason.NOT_EVALUATED: None,
}
"""The status of Improved, None for Unknown, by its reason."""


def conditions_by_type(raw: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Read the conditions of an object of any kind.

    Args:
        raw: The object, as parsed from JSON.

    Returns:
        Its conditions by type; none before its status has any.
    """
    listed = (raw.get("status") or {}).get("conditions") or []
    return {str(each.get("type")): each for each in listed}


def true_conditions(raw: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Read the conditions of an object of any kind that are True.

    Args:
        raw: The object, as parsed from JSON.

    Returns:
        These conditions by type.
    """
    found = conditions_by_type(raw)
    return {type_: each for type_, each in found.items() if each.get("status") == "True"}


def improved_by(verdict: str | None) -> tuple[bool | None, str]:
    """Look up the status of Improved for a verdict.

    Args:
        verdict: What the trainer reports; an unknown text counts as NotEvaluated.

    Returns:
        The status, None for Unknown, and the reason.
    """
    reason = verdict if verdict in IMPROVED_BY_VERDICT else None
    return IMPROVED_BY_VERDICT[reason or Reason.NOT_EVALUATED], reason or Reason.NOT_EVALUATED


def rejection_reason(message: str) -> Reason:
    """Tell a full quota from every other rejection of a child.

    Args:
        message: What the API server answered, or an Event of the Job controller repeats of it.

    Returns:
        QuotaExceeded or CreationRefused.
    """
    # This is the text of the quota admission plugin of the API server.
    return Reason.QUOTA_EXCEEDED if "exceeded quota" in message else Reason.CREATION_REFUSED


def next_condition(
    conditions: Sequence[Condition],
    type_: str,
    status: str,
    reason: str,
    message: str,
    generation: int,
    now: datetime,
) -> Condition:
    """Build the condition that replaces the one of its type.

    `lastTransitionTime` changes only when the condition's status does, as the Kubernetes API
    conventions ask ("typical status properties").

    Args:
        conditions: Those that stand now, at most one of each type.
        type_: The condition's type.
        status: "True", "False" or "Unknown".
        reason: The machine-readable reason.
        message: The sentence for people.
        generation: Generation of the object that the condition describes.
        now: The time of the decision, in UTC.

    Returns:
        The new condition.
    """
    old = next((each for each in conditions if each.type == type_), None)
    changed = old is None or old.status != status
    return Condition(
        type=str(type_),
        status=status,
        reason=str(reason),
        message=message,
        observed_generation=generation,
        last_transition_time=now.replace(microsecond=0)
        if changed or old is None
        else old.last_transition_time,
    )


def unreadable_status(
    raw: Mapping[str, Any], types: Sequence[str], reason: Reason, problem: str, now: datetime
) -> dict[str, Any]:
    """Build the status of a GPUPool or CostQuota that cannot be parsed.

    Args:
        raw: The object, as parsed from JSON.
        types: Types of the conditions that become False.
        reason: Of these conditions.
        problem: The field that cannot be parsed, and why.
        now: The time of the pass, in UTC.

    Returns:
        The status to write. All else in it stays as another version of the operator may have written it.
    """
    status, generation = raw.get("status") or {}, int(raw["metadata"].get("generation", 0))
    message = (
        f"This operator cannot read it ({problem}). Install the CRDs and the operator of the same "
        "version."
    )
    listed = status.get("conditions") or []
    try:
        old = [Condition.model_validate(each) for each in listed]
    except ValidationError:
        old, listed = [], []
    new = [
        next_condition(old, type_, "False", reason, message, generation, now).wire()
        for type_ in types
    ]
    kept = [each for each in listed if each["type"] not in types]
    return {**status, "observedGeneration": generation, "conditions": [*kept, *new]}
