"""Checks of the PersistentVolumeClaims a job names: a pod that mounts a missing one never starts."""

from __future__ import annotations

from dpojob_api.conditions import Reason
from dpojob_operator.decide.effective_spec import claims_mounted
from dpojob_operator.decide.status_builder import StatusBuilder

MANY_NODE_WRITE_MODES = {"ReadWriteMany"}
MANY_NODE_READ_MODES = MANY_NODE_WRITE_MODES | {"ReadOnlyMany"}


def claims_exist(builder: StatusBuilder) -> bool:
    """Check that every named claim exists; fail when one is still missing after the grace time.

    Args:
        builder: The status under construction.

    Returns:
        Whether all exist. The claim that the operator itself creates need not.
    """
    named = claims_mounted(builder.spec, builder.status.dependency)
    missing = [name for name in named if builder.snapshot.claims.get(name) is None]
    created_claim = builder.status.artifacts.claim_name if builder.status.artifacts else None
    if builder.job.spec.output.volume is None:
        missing = [name for name in missing if name != created_claim]
    if not missing:
        return True
    names = ", ".join(repr(name) for name in missing)
    message = (
        f"PersistentVolumeClaim {names} does not exist in namespace {builder.job.namespace}. "
        "Create it, or correct claimName; then create this DPOJob again."
    )
    inspected = builder.status.dataset is not None
    if not inspected:
        builder.set_dataset_valid(False, Reason.CLAIM_NOT_FOUND, message)
    else:
        builder.set_training(False, Reason.CLAIM_NOT_FOUND, message)
    if builder.grace_is_over("missing claim", builder.policy.missing_grace_seconds):
        builder.fail(Reason.CLAIM_NOT_FOUND, message)
    return False


def access_mode_warnings(builder: StatusBuilder, nodes: int) -> list[str]:
    """Warn of each named claim that pods on several nodes cannot mount.

    Kubernetes lets pods on one node share such a claim, so it is allowed.

    Args:
        builder: The status under construction.
        nodes: Nodes of the plan.

    Returns:
        A sentence for each such claim; none for a plan of one node.
    """
    if nodes == 1:
        return []
    found = []
    for name, read_only in claims_mounted(builder.spec, builder.status.dependency).items():
        claim = builder.snapshot.claims.get(name)
        enough = MANY_NODE_READ_MODES if read_only else MANY_NODE_WRITE_MODES
        if claim is not None and claim.access_modes and not enough & set(claim.access_modes):
            found.append(
                f"Claim {name} is {' and '.join(claim.access_modes)}: pods on {nodes} nodes cannot all "
                f"mount it unless they land on one; give the job a {' or '.join(sorted(enough))} claim."
            )
    return found
