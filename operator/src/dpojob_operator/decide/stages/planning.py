"""Plan: which pool, method and batch; written to status before the training Job exists."""

from __future__ import annotations

from dpojob_api.conditions import ConditionType, Reason
from dpojob_api.plan import Plan, Refusal
from dpojob_api.progress import Artifacts
from dpojob_operator.decide import inspection_result
from dpojob_operator.decide.child_names import output_claim_name, own_output_claim_name
from dpojob_operator.decide.status_builder import Draft
from dpojob_planner import plan, recommendations

from . import pvc_checks
from .suspension import hold

REPLANNED = "Replanned"
"""Outcome of an attempt that was withdrawn before it ever had a node."""
POOL_IS_MISSING = (Reason.POOL_NOT_FOUND, Reason.POOL_NOT_ALLOWED, Reason.NO_POOLS)


def stage(draft: Draft) -> bool:
    """Whether there is a plan to train by.

    A job keeps its plan from the moment its pod has a node; until then the plan follows the pools.
    """
    attempt = draft.attempt
    if attempt is not None and attempt.end_time is None and attempt.start_time is not None:
        return _kept(draft)
    if draft.pools is None:
        draft.wants_pools = True
        return False
    if attempt is not None and attempt.end_time is None:
        return _keep_or_withdraw(draft)
    if hold(draft):
        return False
    current = draft.status.plan
    resumes = attempt is not None and attempt.start_time is not None
    if resumes and current is not None and current.pool in _open_pools(draft):
        return _kept(draft)  # checkpoints were written under this plan
    draft.phase("Planning")
    decided = _plan(draft)
    if isinstance(decided, Refusal):
        return _refuse(draft, decided)
    _adopt(draft, decided)
    if draft.job.spec.validate_only:
        draft.complete(
            Reason.VALIDATED,
            "validateOnly: the dataset is valid and the plan fits; nothing was trained.",
        )
        return False
    return True


def _kept(draft: Draft) -> bool:
    """The plan stands, also where its pool was missing for a while."""
    if draft.status.plan is not None and not draft.status.is_true(ConditionType.PLANNED):
        _say_it_fits(draft, draft.status.plan)
    return True


def _refuse(draft: Draft, refusal: Refusal) -> bool:
    """Ends the job; where the pool itself is missing, only when it does not come (back) soon.

    One `kubectl apply` may hold job and pool in any order, and `kubectl replace --force` of a pool
    deletes it for a moment: the jobs that wait for it must outlive that.
    """
    draft.condition(ConditionType.PLANNED, False, refusal.reason, refusal.error)
    # A job that was suspended looks for its pool anew.
    conditions = map(draft.status.condition, (ConditionType.PLANNED, ConditionType.SUSPENDED))
    times = [condition.last_transition_time for condition in conditions if condition is not None]
    since = max((time for time in times if time is not None), default=draft.now)
    left = draft.policy.missing_grace_seconds - (draft.now - since).total_seconds()
    if refusal.reason in POOL_IS_MISSING and left > 0:
        draft.wait(left)
    else:
        draft.fail(refusal.reason, refusal.error)
    return False


def _plan(draft: Draft) -> Plan | Refusal:
    return plan(draft.spec, inspection_result.from_status(draft.status), draft.pools or ())


def _open_pools(draft: Draft) -> set[str]:
    return {pool.name for pool in draft.pools or () if pool.allowed}


def _say_it_fits(draft: Draft, decided: Plan) -> None:
    sentences = [
        *decided.reasons,
        *recommendations(draft.spec),
        *_unlike_the_job_before(draft),
        *pvc_checks.for_one_node(draft, decided.nodes),
    ]
    draft.condition(ConditionType.PLANNED, True, Reason.FITS, " ".join(sentences))


def _adopt(draft: Draft, decided: Plan) -> None:
    draft.status.plan = decided
    _say_it_fits(draft, decided)
    output = draft.job.spec.output
    if draft.status.artifacts is not None or draft.job.spec.validate_only:
        return
    if output.volume is not None:
        draft.status.artifacts = Artifacts(
            claim_name=output.volume.claim_name, path=output.volume.path
        )
    elif output.push is None:
        name = output_claim_name(draft.job.name)
        there = draft.observed.claims.get(name)
        if there is not None and there.job_uid != draft.job.uid:
            # An earlier job of this name, or a person, left a claim there: its model stays.
            name = own_output_claim_name(draft.job.name, draft.job.uid)
        draft.status.artifacts = Artifacts(claim_name=name, path="")


def _unlike_the_job_before(draft: Draft) -> list[str]:
    """DPO wants the lengths the model was tuned on: other ones are allowed, and said."""
    before, length = draft.status.dependency, draft.spec.training.max_length
    if before is None or before.max_length in (None, length):
        return []
    return [
        f"training.maxLength is {length}; {before.kind} {before.name}, whose model this is, trained on "
        f"sequences of up to {before.max_length} tokens: the same length is recommended."
    ]


def _keep_or_withdraw(draft: Draft) -> bool:
    """An attempt that never had a node is withdrawn when its plan's pool is no longer the same."""
    attempt, job, current = draft.attempt, draft.observed.training, draft.status.plan
    assert attempt is not None
    if any(pod.scheduled for pod in draft.observed.training_pods):
        return _kept(draft)
    if attempt.outcome is not None or current is None or draft.job.spec.suspend:
        return True
    if job is None:
        # Intended, not made yet: only the plan is renewed, under the same attempt.
        planned = draft.status.is_true(ConditionType.PLANNED)
        unchanged = planned and current.pool in _open_pools(draft)
    else:
        now = draft.observed.pool_hashes.get(current.pool)
        unchanged = now is not None and job.pool_hash in ("", now)
    if unchanged and not _roomier(draft, current):
        return True
    if job is not None:
        attempt.outcome = REPLANNED
        return True
    decided = _plan(draft)
    if isinstance(decided, Refusal):
        return _refuse(draft, decided)
    _adopt(draft, decided)
    attempt.pool, attempt.gpus = decided.pool, decided.gpus
    attempt.hourly_price = decided.hourly_price
    return True


def _roomier(draft: Draft, current: Plan) -> bool:
    """Whether the user allows another pool and one has room now, while ours has none."""
    if not current.queued or draft.job.spec.hardware.when_full != "NextPool":
        return False
    decided = _plan(draft)
    return isinstance(decided, Plan) and decided.pool != current.pool and not decided.queued
