"""Plan: which pool, method and batch; written to status before the training Job exists."""

from __future__ import annotations

from dpojob_api.conditions import ConditionType, Reason
from dpojob_api.plan import Plan, Refusal
from dpojob_api.progress import Artifacts
from dpojob_operator.decide import inspection_result
from dpojob_operator.decide.child_names import output_claim_name, own_output_claim_name
from dpojob_operator.decide.status_builder import StatusBuilder
from dpojob_planner import plan, recommendations

from . import pvc_checks
from .suspension import hold_if_suspended

REPLANNED = "Replanned"
"""Outcome of an attempt that was withdrawn before it ever had a node."""
POOL_IS_MISSING = (Reason.POOL_NOT_FOUND, Reason.POOL_NOT_ALLOWED, Reason.NO_POOLS)


def stage(builder: StatusBuilder) -> bool:
    """Whether there is a plan to train by.

    A job keeps its plan from the moment its pod has a node; until then the plan follows the pools.
    """
    attempt = builder.attempt
    if attempt is not None and attempt.end_time is None and attempt.start_time is not None:
        return _kept(builder)
    if builder.pools is None:
        builder.wants_pools = True
        return False
    if attempt is not None and attempt.end_time is None:
        return _keep_or_withdraw(builder)
    if hold_if_suspended(builder):
        return False
    current = builder.status.plan
    resumes = attempt is not None and attempt.start_time is not None
    if resumes and current is not None and current.pool in _open_pools(builder):
        return _kept(builder)  # checkpoints were written under this plan
    builder.set_phase("Planning")
    decided = _plan(builder)
    if isinstance(decided, Refusal):
        return _refuse(builder, decided)
    _adopt(builder, decided)
    if builder.job.spec.validate_only:
        builder.complete(
            Reason.VALIDATED,
            "validateOnly: the dataset is valid and the plan fits; nothing was trained.",
        )
        return False
    return True


def _kept(builder: StatusBuilder) -> bool:
    """The plan stands, also where its pool was missing for a while."""
    if builder.status.plan is not None and not builder.status.is_true(ConditionType.PLANNED):
        _say_it_fits(builder, builder.status.plan)
    return True


def _refuse(builder: StatusBuilder, refusal: Refusal) -> bool:
    """Ends the job; where the pool itself is missing, only when it does not come (back) soon.

    One `kubectl apply` may hold job and pool in any order, and `kubectl replace --force` of a pool
    deletes it for a moment: the jobs that wait for it must outlive that.
    """
    builder.set_condition(ConditionType.PLANNED, False, refusal.reason, refusal.error)
    # A job that was suspended looks for its pool anew.
    conditions = map(builder.status.condition, (ConditionType.PLANNED, ConditionType.SUSPENDED))
    times = [condition.last_transition_time for condition in conditions if condition is not None]
    since = max((time for time in times if time is not None), default=builder.now)
    left = builder.policy.missing_grace_seconds - (builder.now - since).total_seconds()
    if refusal.reason in POOL_IS_MISSING and left > 0:
        builder.requeue_within(left)
    else:
        builder.fail(refusal.reason, refusal.error)
    return False


def _plan(builder: StatusBuilder) -> Plan | Refusal:
    return plan(
        builder.spec, inspection_result.report_from_status(builder.status), builder.pools or ()
    )


def _open_pools(builder: StatusBuilder) -> set[str]:
    return {pool.name for pool in builder.pools or () if pool.allowed}


def _say_it_fits(builder: StatusBuilder, decided: Plan) -> None:
    sentences = [
        *decided.reasons,
        *recommendations(builder.spec),
        *_unlike_the_job_before(builder),
        *pvc_checks.access_mode_warnings(builder, decided.nodes),
    ]
    builder.set_condition(ConditionType.PLANNED, True, Reason.FITS, " ".join(sentences))


def _adopt(builder: StatusBuilder, decided: Plan) -> None:
    builder.status.plan = decided
    _say_it_fits(builder, decided)
    output = builder.job.spec.output
    if builder.status.artifacts is not None or builder.job.spec.validate_only:
        return
    if output.volume is not None:
        builder.status.artifacts = Artifacts(
            claim_name=output.volume.claim_name, path=output.volume.path
        )
    elif output.push is None:
        name = output_claim_name(builder.job.name)
        there = builder.snapshot.claims.get(name)
        if there is not None and there.job_uid != builder.job.uid:
            # An earlier job of this name, or a person, left a claim there: its model stays.
            name = own_output_claim_name(builder.job.name, builder.job.uid)
        builder.status.artifacts = Artifacts(claim_name=name, path="")


def _unlike_the_job_before(builder: StatusBuilder) -> list[str]:
    """DPO wants the lengths the model was tuned on: other ones are allowed, and said."""
    before, length = builder.status.dependency, builder.spec.training.max_length
    if before is None or before.max_length in (None, length):
        return []
    return [
        f"training.maxLength is {length}; {before.kind} {before.name}, whose model this is, trained on "
        f"sequences of up to {before.max_length} tokens: the same length is recommended."
    ]


def _keep_or_withdraw(builder: StatusBuilder) -> bool:
    """An attempt that never had a node is withdrawn when its plan's pool is no longer the same."""
    attempt, job, current = builder.attempt, builder.snapshot.training, builder.status.plan
    assert attempt is not None
    if any(pod.scheduled for pod in builder.snapshot.training_pods):
        return _kept(builder)
    if attempt.outcome is not None or current is None or builder.job.spec.suspend:
        return True
    if job is None:
        # Intended, not made yet: only the plan is renewed, under the same attempt.
        planned = builder.status.is_true(ConditionType.PLANNED)
        unchanged = planned and current.pool in _open_pools(builder)
    else:
        now = builder.snapshot.pool_hashes.get(current.pool)
        unchanged = now is not None and job.pool_hash in ("", now)
    if unchanged and not _roomier(builder, current):
        return True
    if job is not None:
        attempt.outcome = REPLANNED
        return True
    decided = _plan(builder)
    if isinstance(decided, Refusal):
        return _refuse(builder, decided)
    _adopt(builder, decided)
    attempt.pool, attempt.gpus = decided.pool, decided.gpus
    attempt.hourly_price = decided.hourly_price
    return True


def _roomier(builder: StatusBuilder, current: Plan) -> bool:
    """Whether the user allows another pool and one has room now, while ours has none."""
    if not current.queued or builder.job.spec.hardware.when_full != "NextPool":
        return False
    decided = _plan(builder)
    return isinstance(decided, Plan) and decided.pool != current.pool and not decided.queued
