"""Claims a job names: a pod that mounts a missing one would hang without a word."""

from __future__ import annotations

from datetime import timedelta

from dpojob_api.conditions import ConditionType, Reason
from dpojob_operator.decide.effective_spec import claims_mounted
from dpojob_operator.decide.object_snapshots import parse_timestamp
from dpojob_operator.decide.status_builder import StatusBuilder

FROM_MANY_NODES = {"ReadWriteMany"}
READ_FROM_MANY_NODES = FROM_MANY_NODES | {"ReadOnlyMany"}


def claims_exist(builder: StatusBuilder) -> bool:
    """Whether every named claim exists; ends the job when one does not come."""
    named = claims_mounted(builder.spec, builder.status.dependency)
    missing = [name for name in named if builder.snapshot.claims.get(name) is None]
    made = builder.status.artifacts.claim_name if builder.status.artifacts else None
    if builder.job.spec.output.volume is None:
        missing = [name for name in missing if name != made]
    if not missing:
        return True
    names = ", ".join(repr(name) for name in missing)
    message = (
        f"PersistentVolumeClaim {names} does not exist in namespace {builder.job.namespace}. "
        "Create it, or correct claimName; then create this DPOJob again."
    )
    created = parse_timestamp(builder.job.metadata.get("creationTimestamp")) or builder.now
    left = created + timedelta(seconds=builder.policy.missing_grace_seconds) - builder.now
    inspected = builder.status.dataset is not None
    if not inspected:
        builder.set_condition(ConditionType.DATASET_VALID, False, Reason.CLAIM_NOT_FOUND, message)
    if left > timedelta(0):
        builder.requeue_within(left.total_seconds())
    else:
        builder.fail(Reason.CLAIM_NOT_FOUND, message)
    return False


def access_mode_warnings(builder: StatusBuilder, nodes: int) -> list[str]:
    """A warning of each named claim that pods on several nodes cannot mount; none for one node.

    Kubernetes lets pods on one node share such a claim, so this is allowed, and said.
    """
    if nodes == 1:
        return []
    found = []
    for name, read_only in claims_mounted(builder.spec, builder.status.dependency).items():
        claim = builder.snapshot.claims.get(name)
        enough = READ_FROM_MANY_NODES if read_only else FROM_MANY_NODES
        if claim is not None and claim.access_modes and not enough & set(claim.access_modes):
            found.append(
                f"Claim {name} is {' and '.join(claim.access_modes)}: pods on {nodes} nodes cannot all "
                f"mount it unless they land on one; give the job a {' or '.join(sorted(enough))} claim."
            )
    return found
