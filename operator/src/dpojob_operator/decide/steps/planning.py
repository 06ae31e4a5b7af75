"""Step: choose pool, method and batch; the plan is in the status before the training Job exists."""

from __future__ import annotations

from dpojob_api.conditions import ConditionType, Reason
from dpojob_api.job import Attempt
from dpojob_api.plan import Plan, Refusal
from dpojob_api.progress import Artifacts
from dpojob_operator.decide import inspection_result
from dpojob_operator.decide.child_names import output_claim_name, own_output_claim_name
from dpojob_operator.decide.effective_spec import claims_mounted
from dpojob_operator.decide.queueing import hold_if_suspended
from dpojob_operator.decide.status_builder import StatusBuilder
from dpojob_operator.decide.types import PoolReservation
from dpojob_planner import plan, recommendations

from .pvc_checks import access_mode_warnings

REPLANNED = "Replanned"
"""Outcome of an attempt that was withdrawn while no pod of it ran: the job plans, or waits for a quota, again."""
ROOM_CHECK_SECONDS = 30.0
"""The pause between two looks for a pool with room, for a job that waits for a node and may use any pool."""
POOL_MISSING_REASONS = (Reason.POOL_NOT_FOUND, Reason.POOL_NOT_ALLOWED, Reason.NO_POOLS)


def choose_plan(builder: StatusBuilder) -> bool:
    """Choose the plan, or keep it, or withdraw an attempt whose plan no longer fits the pools.

    A job keeps its plan once a pod of it is bound to a node; until then the plan follows the pools.

    Args:
        builder: The status under construction. Without pools, planning is requested where the
            plan depends on them.

    Returns:
        Whether there is a plan to train by, so that training may run.
    """
    attempt = builder.attempt
    if attempt is not None and attempt.end_time is None and _has_node(builder, attempt):
        return _keep(builder)
    if builder.pools is None:
        _request_planning(builder)
        return False
    if attempt is not None and attempt.end_time is None:
        return _keep_or_withdraw(builder)
    if hold_if_suspended(builder):
        return False
    builder.set_phase("Planning")
    current = builder.status.plan
    if _has_run(builder) and current is not None and current.pool in _allowed_pools(builder):
        _reserve(builder, current)
        return _keep(builder)  # checkpoints were written under this plan
    chosen = _run_planner(builder)
    if isinstance(chosen, Refusal):
        return _refuse(builder, chosen)
    _adopt(builder, chosen)
    if builder.job.spec.validate_only:
        builder.complete(
            Reason.VALIDATED,
            "validateOnly: the dataset is valid and the plan fits; nothing was trained.",
        )
        return False
    return True


def _has_node(builder: StatusBuilder, attempt: Attempt) -> bool:
    """Whether a pod of the attempt is bound to a node, or was."""
    bound = any(pod.scheduled for pod in builder.snapshot.training_pods)
    return bound or attempt.start_time is not None


def _has_run(builder: StatusBuilder) -> bool:
    """Whether a pod of any attempt has run, so that checkpoints may exist that were written under the plan."""
    return any(attempt.start_time is not None for attempt in builder.status.attempts)


def _request_planning(builder: StatusBuilder) -> None:
    claims = [*claims_mounted(builder.spec, builder.status.dependency)]
    spec = builder.job.spec
    if builder.status.artifacts is None and spec.output.volume is None and spec.output_is_kept:
        claims.append(output_claim_name(builder.job.name))
    builder.request_planning(
        claims,
        earlier_pods=builder.job.spec.output.volume is not None and builder.attempt is None,
    )


def _keep(builder: StatusBuilder) -> bool:
    """Keep the plan, and set Planned again when its pool was missing for a while."""
    if builder.status.plan is not None and not builder.status.is_true(ConditionType.PLANNED):
        _set_planned(builder, builder.status.plan)
    return True


def _refuse(builder: StatusBuilder, refusal: Refusal) -> bool:
    """Fail; where the pool itself is missing, only after a grace time.

    One `kubectl apply` may hold job and pool in any order, and `kubectl replace --force` deletes a
    pool for a moment: the jobs that wait for it must not fail meanwhile.

    Args:
        builder: The status under construction.
        refusal: The reason and message of the planner.

    Returns:
        Always False: without a plan, training does not run.
    """
    builder.set_planned(False, refusal.reason, refusal.error)
    missing = refusal.reason in POOL_MISSING_REASONS
    if not missing or builder.grace_is_over("missing pool", builder.policy.missing_grace_seconds):
        builder.fail(refusal.reason, refusal.error)
    return False


def _run_planner(builder: StatusBuilder) -> Plan | Refusal:
    report = inspection_result.report_from_status(builder.status)
    return plan(builder.spec, report, builder.pools or ())


def _allowed_pools(builder: StatusBuilder) -> set[str]:
    return {pool.name for pool in builder.pools or () if pool.allowed}


def _set_planned(builder: StatusBuilder, chosen: Plan) -> None:
    sentences = [
        *chosen.reasons,
        *recommendations(builder.spec),
        *_max_length_warnings(builder),
        *access_mode_warnings(builder, chosen.nodes),
    ]
    builder.set_planned(True, Reason.FITS, " ".join(sentences))


def _reserve(builder: StatusBuilder, chosen: Plan) -> None:
    """Reserve the plan's GPUs, so that no other job is planned on them before a pod has a node."""
    builder.reservation = PoolReservation(chosen.pool, chosen.gpus)


def _adopt(builder: StatusBuilder, chosen: Plan) -> None:
    builder.status.plan = chosen
    if not builder.job.spec.validate_only:
        _reserve(builder, chosen)
    _set_planned(builder, chosen)
    spec = builder.job.spec
    if builder.status.artifacts is not None or spec.validate_only:
        return
    volume = spec.output.volume
    if volume is not None:
        builder.status.artifacts = Artifacts(claim_name=volume.claim_name, path=volume.path)
    elif spec.output_is_kept:
        name = output_claim_name(builder.job.name)
        existing = builder.snapshot.claims.get(name)
        if existing is not None and existing.job_uid != builder.job.uid:
            # An earlier job of this name, or a user, left a claim there: its model is kept.
            name = own_output_claim_name(builder.job.name, builder.job.uid)
        builder.status.artifacts = Artifacts(claim_name=name, path="")


def _max_length_warnings(builder: StatusBuilder) -> list[str]:
    """Warn where `maxLength` differs from that of the job that trained the model."""
    earlier, length = builder.status.dependency, builder.spec.training.max_length
    if earlier is None or earlier.max_length in (None, length):
        return []
    return [
        f"training.maxLength is {length}; {earlier.kind} {earlier.name}, whose model this is, trained on "
        f"sequences of up to {earlier.max_length} tokens: the same length is recommended."
    ]


def _keep_or_withdraw(builder: StatusBuilder) -> bool:
    """Withdraw an attempt that no node has taken when its plan's pool has changed."""
    attempt, job, current = builder.attempt, builder.snapshot.training, builder.status.plan
    assert attempt is not None
    if attempt.outcome is not None or current is None or builder.job.spec.suspend:
        return True
    if job is None:
        # The Job does not exist yet: the plan is renewed under the same attempt.
        keeps = builder.status.is_true(ConditionType.PLANNED) or _has_run(builder)
        unchanged = keeps and current.pool in _allowed_pools(builder)
    else:
        hash_now = builder.snapshot.pool_hashes.get(current.pool)
        unchanged = job.pool_hash in ("", hash_now) and hash_now is not None
        unchanged = unchanged and current.pool in _allowed_pools(builder)
    if job is None or not job.suspended:  # a queueing system gives GPUs to the Jobs that it holds
        _reserve(builder, current)
    other = _other_plan_with_room(builder, current) if unchanged else None
    if unchanged and other is None:
        return _keep(builder)
    if other is not None:
        _reserve(builder, other)
    if job is not None:
        attempt.outcome = REPLANNED
        builder.set_training(
            False, Reason.REPLANNING, f"Job {job.name} is withdrawn; the job is then planned again."
        )
        return True
    chosen = _run_planner(builder)
    if isinstance(chosen, Refusal):
        return _refuse(builder, chosen)
    _adopt(builder, chosen)
    attempt.pool, attempt.gpus = chosen.pool, chosen.gpus
    attempt.hourly_price = chosen.hourly_price
    return True


def _other_plan_with_room(builder: StatusBuilder, current: Plan) -> Plan | None:
    """Plan on another pool, where the user allows one, and it has room now while the plan's has none.

    The plan's pool had room when the plan was made; other pods may have taken it. It is looked at again
    until a pod is bound to a node.

    Args:
        builder: The status under construction.
        current: The plan of the newest attempt.

    Returns:
        The plan on the other pool; None when the job stays where it is.
    """
    if builder.job.spec.hardware.when_full != "NextPool" or _has_run(builder):
        return None
    builder.requeue_within(ROOM_CHECK_SECONDS)
    planned = [pool for pool in builder.pools or () if pool.name == current.pool]
    rejected = any(pod.unschedulable for pod in builder.snapshot.training_pods)
    if not rejected and all(pool.has_room(current.gpus) for pool in planned):
        return None
    chosen = _run_planner(builder)
    if isinstance(chosen, Refusal) or chosen.pool == current.pool or chosen.queued:
        return None
    # A pool that was just created has no capacity in its status yet, and would have room for every job.
    known = any(pool.name == chosen.pool and pool.free is not None for pool in builder.pools or ())
    return chosen if known else None
