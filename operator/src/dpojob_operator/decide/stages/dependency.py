"""`model.fromJob`: wait for that job, then take its output."""

from __future__ import annotations

from dpojob_api.conditions import ConditionType, Reason
from dpojob_operator.decide.status_builder import StatusBuilder

from .suspension import hold_if_suspended

LOOK_AGAIN_SECONDS = 30.0
"""Jobs that are not ours send us no events."""


def stage(builder: StatusBuilder) -> bool:
    """Whether the model is known, so that the next stage may go on."""
    reference = builder.job.spec.model.from_job
    if reference is None or builder.status.dependency is not None:
        return True
    facts = builder.snapshot.dependency
    name = f"{reference.kind} {reference.name}"
    if facts is None:
        builder.requeue_within(LOOK_AGAIN_SECONDS)
        return False
    if facts.cycle:
        way = " -> ".join(facts.cycle)
        builder.fail(
            Reason.DEPENDENCY_CYCLE,
            f"model.fromJob leads back to this job ({way}): none of them can start. "
            "Give one of them model.repo or model.volume.",
        )
        return False
    if facts.failed:
        builder.fail(
            Reason.DEPENDENCY_FAILED,
            f"{name}, whose output this job tunes, failed: {facts.failure} "
            "Mend it, then create this DPOJob again.",
        )
        return False
    if facts.complete and facts.found is not None and not facts.problem:
        # From here on the spec is fixed; until it is let go, a held job may still be edited.
        if hold_if_suspended(builder):
            return False
        builder.status.dependency = facts.found
        return True
    if facts.complete:
        builder.fail(Reason.DEPENDENCY_HAS_NO_OUTPUT, facts.problem)
        return False
    state = "has not finished yet" if facts.found is not None else "does not exist yet"
    builder.set_phase("Suspended" if builder.job.spec.suspend else "Waiting")
    builder.set_condition(
        ConditionType.DATASET_VALID,
        None,
        Reason.WAITING_FOR_JOB,
        f"{name}, whose output this job tunes, {state}; this job starts when it is complete.",
    )
    builder.requeue_within(LOOK_AGAIN_SECONDS)
    return False
