"""The planner's answer in the types of `dpojob_api`: the plan, the refusal, and a line for every pool."""

from __future__ import annotations

import math
from collections.abc import Sequence

from dpojob_api.conditions import Reason
from dpojob_api.plan import (
    CheckpointPlan,
    MemoryNeed,
    Plan,
    PoolCandidate,
    PoolSuitability,
    Refusal,
)
from dpojob_api.shared_training_constants import grace_period_seconds, save_interval_seconds

from .candidates import Candidate, PlanningContext, PoolTrial
from .estimates import (
    GIB,
    MEMORY_MARGIN,
    checkpoint_bytes,
    host_memory_gib,
    is_cpu_only,
    precision,
    save_seconds,
    scratch_gib,
    trained_parameters,
)
from .explanations import plan_reasons, pool_suitability, refusals
from .pools import PoolOrder, PoolState
from .search_space import gpu_counts

CHECKPOINTS = 3
"""On the output volume at once: the best, the newest, and one being written."""


def build_plan(
    context: PlanningContext,
    order: PoolOrder,
    trials: Sequence[PoolTrial],
    chosen: Candidate,
    first: Candidate,
    considered: list[PoolCandidate],
) -> Plan:
    """Write the plan of the chosen candidate.

    Args:
        context: The job.
        order: The order in which pools were tried.
        trials: All trials, in that order.
        chosen: The candidate to train with.
        first: The first choice, which differs from `chosen` where it has no room now.
        considered: One line for every pool.

    Returns:
        The plan, memory in GiB, rounded so that what is needed is never understated.
    """
    option, settings = chosen.option, chosen.option.settings
    output = output_gib(context, chosen)
    return Plan(
        pool=chosen.pool.name,
        gpu_model=chosen.pool.spec.gpu.model,
        gpus=option.gpus,
        nodes=context.spec.hardware.nodes,
        sharded=settings.shards > 1,
        method=option.strategy.method,
        precision=precision(chosen.pool.spec.gpu, context.shape.parameters),
        optimizer=option.strategy.optimizer,
        per_device_batch_size=settings.pairs,
        gradient_accumulation=option.accumulation,
        precompute_reference=option.strategy.precompute,
        prefix_sharing=settings.shared_prefixes,
        gradient_checkpointing=settings.checkpointing,
        max_length=settings.length,
        memory_gib=MemoryNeed(
            needed=_round_up(chosen.memory.total_gib),
            available=_round_down(chosen.available_gib),
            margin=_round_up(MEMORY_MARGIN * chosen.available_gib),
            parts={name: round(value, 3) for name, value in chosen.memory.parts.items()},
        ),
        estimate=chosen.estimate,
        hourly_price=chosen.pool.spec.price,
        output_gib=output,
        host_memory_gib=host_memory_gib(
            context.spec,
            context.shape,
            settings,
            option.gpus // context.spec.hardware.nodes,
            chosen.memory.total_gib if is_cpu_only(chosen.pool.spec.gpu) else 0.0,
        ),
        scratch_gib=scratch_gib(context.spec, context.facts, context.shape, settings, output),
        checkpoint=_checkpoint_plan(context, chosen),
        queued=not chosen.pool.has_room(option.gpus),
        reasons=plan_reasons.plan_reasons(context, order, trials, chosen, first),
        considered=considered,
    )


def build_refusal(
    context: PlanningContext, trials: Sequence[PoolTrial], considered: list[PoolCandidate]
) -> Refusal:
    """Write the refusal of a job that no trial fits.

    Args:
        context: The job.
        trials: All trials, in the order in which pools were tried.
        considered: One line for every pool.

    Returns:
        BudgetTooSmall when something fits in memory and exceeds the budget; otherwise NothingFits.
    """
    costly = [t.result.over_budget for t in trials if t.result.over_budget is not None]
    if costly:
        cheapest = min(costly, key=lambda each: (each.estimate.cost, each.estimate.hours))
        return Refusal(
            reason=Reason.BUDGET_TOO_SMALL,
            error=refusals.over_budget(context, cheapest),
            considered=considered,
        )
    return Refusal(
        reason=Reason.NOTHING_FITS,
        error=refusals.nothing_fits(context, trials),
        considered=considered,
    )


def output_gib(context: PlanningContext, candidate: Candidate) -> int:
    """Compute the size of a volume for the model and the checkpoints of its training.

    The finished model has 4 bytes per trained parameter and, merged, 2 per model parameter. A tenth
    and 1 GiB are added.

    Args:
        context: The job.
        candidate: The candidate to train with.

    Returns:
        Whole GiB.
    """
    settings = candidate.option.settings
    size = CHECKPOINTS * checkpoint_bytes(context.shape, settings)
    size += 4.0 * trained_parameters(context.shape, settings)
    if settings.method != "full" and context.spec.output.merge:
        size += 2.0 * context.shape.parameters
    return math.ceil(1.1 * size / 2**30) + 1


def _checkpoint_plan(context: PlanningContext, candidate: Candidate) -> CheckpointPlan:
    settings = candidate.option.settings
    save = save_seconds(context.shape, settings)
    return CheckpointPlan(
        size_gib=_round_up(checkpoint_bytes(context.shape, settings) / GIB),
        interval_seconds=save_interval_seconds(save),
        grace_period_seconds=grace_period_seconds(save, candidate.estimate.step_seconds),
    )


def pool_candidates(
    context: PlanningContext,
    pools: Sequence[PoolState],
    order: PoolOrder,
    trials: Sequence[PoolTrial],
    chosen: Candidate | None,
) -> list[PoolCandidate]:
    """Write one line for every pool.

    Args:
        context: The job.
        pools: All pools, by name.
        order: The order in which pools were tried.
        trials: All trials, in that order.
        chosen: The candidate to train with; None for a refusal.

    Returns:
        The pools that were tried, in that order, then the others by name.
    """
    tried = {trial.pool.name: trial for trial in trials}
    lines = [_tried_pool(context, trial, chosen) for trial in tried.values()]
    for pool in pools:
        if pool.name not in tried:
            lines.append(_untried_pool(context, pool, order))
    return lines


def _tried_pool(
    context: PlanningContext, trial: PoolTrial, chosen: Candidate | None
) -> PoolCandidate:
    result, pool = trial.result, trial.pool
    if result.best is None:
        reason = refusals.method_conflict(context, pool)
        return PoolCandidate(pool=pool.name, verdict="notAllowed", gpus=trial.gpus, reason=reason)
    suitability, reason = pool_suitability.assess(context, trial, chosen)
    return _pool_candidate(pool, suitability, reason, result.best)


def _untried_pool(context: PlanningContext, pool: PoolState, order: PoolOrder) -> PoolCandidate:
    """The line of a pool that was ruled out before trials, with its figures where it has any."""
    wrong = pool.problem
    if not pool.allowed:
        return _pool_candidate(pool, "notAllowed", "It is closed to this namespace.")
    if wrong is not None:
        return _pool_candidate(pool, "invalid", f"It cannot be used: {wrong}.")
    counts = gpu_counts(context.spec, pool.spec.gpu)
    best = context.try_pool(pool, counts[0]).best if counts else None
    if context.spec.hardware.pool is not None:
        reason = f"The job names {context.spec.hardware.pool} in hardware.pool."
        return _pool_candidate(pool, "notNamed", reason, best)
    if pool.spec.by_name_only:
        reason = "It is taken only when hardware.pool names it."
        return _pool_candidate(pool, "notNamed", reason, best)
    if pool in order.smaller:
        return _pool_candidate(pool, "tooSmall", pool_suitability.smaller_band(context, pool), best)
    return _pool_candidate(pool, "tooSmall", refusals.impossible_gpus(context.spec, [pool]))


def _pool_candidate(
    pool: PoolState, suitability: PoolSuitability, reason: str, best: Candidate | None = None
) -> PoolCandidate:
    if best is None:
        return PoolCandidate(pool=pool.name, verdict=suitability, reason=reason)
    return PoolCandidate(
        pool=pool.name,
        verdict=suitability,
        reason=reason,
        method=best.option.strategy.method,
        gpus=best.option.gpus,
        per_device_batch_size=best.option.settings.pairs,
        needed=_round_up(best.memory.total_gib),
        available=_round_down(best.available_gib),
        hours=best.estimate.hours if best.estimate.steps else None,
        cost=best.estimate.cost if best.estimate.steps else None,
    )


def _round_up(gib: float) -> float:
    """Round to hundredths, so that what is shown as needed is never less than the prediction."""
    return math.ceil(gib * 100) / 100


def _round_down(gib: float) -> float:
    """Round to hundredths, so that what is shown as available is never more than there is."""
    return math.floor(gib * 100) / 100
