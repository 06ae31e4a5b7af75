"""How a condition of a status is replaced by a newer one."""

from __future__ import annotations

from datetime import datetime

from dpojob_api.conditions import Condition


def next_condition(
    old: Condition | None,
    type_: str,
    status: str,
    reason: str,
    message: str,
    generation: int,
    now: datetime,
) -> Condition:
    """Build the condition that replaces `old`.

    `lastTransitionTime` changes only when the condition's status does, as the Kubernetes API
    conventions ask ("typical status properties").

    Args:
        old: The condition that stands now; None when there is none.
        type_: The condition's type.
        status: "True", "False" or "Unknown".
        reason: The machine-readable reason.
        message: The sentence for people.
        generation: Generation of the object that the condition describes.
        now: The time of the decision, in UTC.

    Returns:
        The new condition.
    """
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
