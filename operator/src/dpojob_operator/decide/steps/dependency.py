"""Step: with `model.fromJob`, wait for that job, then train its output."""

from __future__ import annotations

from dpojob_api.conditions import Reason
from dpojob_operator.decide.queueing import hold_if_suspended
from dpojob_operator.decide.status_builder import StatusBuilder

POLL_SECONDS = 30.0
"""Jobs that the operator did not create are not watched."""


def resolve_dependency(builder: StatusBuilder) -> bool:
    """Resolve `model.fromJob` once the named job is complete; fail when it never will be.

    Args:
        builder: The status under construction.

    Returns:
        Whether the model is known, so that the next step may run.
    """
    reference = builder.job.spec.model.from_job
    if reference is None or builder.status.dependency is not None:
        return True
    dependency = builder.snapshot.dependency
    name = f"{reference.kind} {reference.name}"
    if dependency.cycle:
        path = " -> ".join(dependency.cycle)
        builder.fail(
            Reason.DEPENDENCY_CYCLE,
            f"model.fromJob leads back to this job ({path}): none of them can start. "
            "Give one of them model.repo or model.volume.",
        )
        return False
    if dependency.failed:
        builder.fail(
            Reason.DEPENDENCY_FAILED,
            f"{name}, whose output this job tunes, failed: {dependency.failure} "
            "Mend it, then create this DPOJob again.",
        )
        return False
    if dependency.complete and reference.require_improved and dependency.not_improved:
        builder.fail(
            Reason.DEPENDENCY_NOT_IMPROVED,
            f"model.fromJob.requireImproved is true, and of {name} {dependency.not_improved}",
        )
        return False
    if dependency.complete and dependency.found is not None and not dependency.problem:
        # The spec is immutable from here on; a suspended job stays editable until it is resumed.
        if hold_if_suspended(builder):
            return False
        builder.status.dependency = dependency.found
        return True
    if dependency.complete:
        builder.fail(Reason.DEPENDENCY_HAS_NO_OUTPUT, dependency.problem)
        return False
    state = "has not finished yet" if dependency.found is not None else "does not exist yet"
    builder.set_phase("Suspended" if builder.job.spec.suspend else "Waiting")
    builder.set_dataset_valid(
        None,
        Reason.WAITING_FOR_JOB,
        f"{name}, whose output this job tunes, {state}; this job starts when it is complete.",
    )
    builder.requeue_within(POLL_SECONDS)
    return False
