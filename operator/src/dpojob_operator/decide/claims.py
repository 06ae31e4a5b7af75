"""Claims a job names: a pod that mounts a missing one would hang without a word."""

from __future__ import annotations

from datetime import timedelta

from dpojob_api.conditions import ConditionType, Reason
from dpojob_operator.facts import moment

from .draft import Draft
from .effective import claims_named


def all_there(draft: Draft) -> bool:
    """Whether every named claim exists; ends the job when one does not come."""
    missing = [name for name in claims_named(draft.spec) if draft.observed.claims.get(name) is None]
    made = draft.status.artifacts.claim_name if draft.status.artifacts else None
    if draft.job.spec.output.volume is None:
        missing = [name for name in missing if name != made]
    if not missing:
        return True
    names = ", ".join(repr(name) for name in missing)
    message = (
        f"PersistentVolumeClaim {names} does not exist in namespace {draft.job.namespace}. "
        "Create it, or correct claimName; then create this DPOJob again."
    )
    created = moment(draft.job.metadata.get("creationTimestamp")) or draft.now
    left = created + timedelta(seconds=draft.policy.missing_grace_seconds) - draft.now
    inspected = draft.status.dataset is not None
    if not inspected:
        draft.condition(ConditionType.DATASET_VALID, False, Reason.CLAIM_NOT_FOUND, message)
    if left > timedelta(0):
        draft.wait(left.total_seconds())
    else:
        draft.fail(Reason.CLAIM_NOT_FOUND, message)
    return False
