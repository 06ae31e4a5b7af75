"""Claims a job names: a pod that mounts a missing one would hang without a word."""

from __future__ import annotations

from datetime import timedelta

from dpojob_api.conditions import ConditionType, Reason
from dpojob_operator.decide.effective_spec import claims_mounted
from dpojob_operator.decide.object_snapshots import moment
from dpojob_operator.decide.status_builder import Draft

FROM_MANY_NODES = {"ReadWriteMany"}
READ_FROM_MANY_NODES = FROM_MANY_NODES | {"ReadOnlyMany"}


def all_there(draft: Draft) -> bool:
    """Whether every named claim exists; ends the job when one does not come."""
    named = claims_mounted(draft.spec, draft.status.dependency)
    missing = [name for name in named if draft.observed.claims.get(name) is None]
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


def for_one_node(draft: Draft, nodes: int) -> list[str]:
    """A warning of each named claim that pods on several nodes cannot mount; none for one node.

    Kubernetes lets pods on one node share such a claim, so this is allowed, and said.
    """
    if nodes == 1:
        return []
    found = []
    for name, read_only in claims_mounted(draft.spec, draft.status.dependency).items():
        claim = draft.observed.claims.get(name)
        enough = READ_FROM_MANY_NODES if read_only else FROM_MANY_NODES
        if claim is not None and claim.access_modes and not enough & set(claim.access_modes):
            found.append(
                f"Claim {name} is {' and '.join(claim.access_modes)}: pods on {nodes} nodes cannot all "
                f"mount it unless they land on one; give the job a {' or '.join(sorted(enough))} claim."
            )
    return found
