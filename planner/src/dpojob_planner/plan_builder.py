"""The answer in the contract's own types: the plan, the refusal, and a line for every pool."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

from dpojob_api.conditions import Reason
from dpojob_api.plan import Considered, MemoryNeed, Plan, Refusal

from .candidates import Attempt, Fit, Job
from .estimates.gpu import precision
from .estimates.memory import adapter_parameters
from .explanations import refusals
from .pools import Order, PoolState, contradiction
from .search_space import gpu_counts

Verdict = Literal[
    "chosen", "fits", "tooSmall", "noRoom", "notAllowed", "notNamed", "overBudget", "invalid"
]
CHECKPOINTS = 3
"""On the output claim at once: the best, the newest, and one being written."""


def plan(
    job: Job, order: Order, attempts: Sequence[Attempt], chosen: Fit, first: Fit,
    considered: list[Considered],
) -> Plan:  # fmt: skip
    """The plan of a fit."""
    option, setting = chosen.option, chosen.option.setting
    return Plan(
        pool=chosen.pool.name,
        gpus=option.gpus,
        nodes=job.spec.hardware.nodes,
        sharded=setting.shards > 1,
        method=option.rung.method,
        precision=precision(chosen.pool.spec.gpu, job.shape.parameters),
        per_device_batch_size=setting.pairs,
        gradient_accumulation=option.accumulation,
        precompute_reference=option.rung.precompute,
        gradient_checkpointing=setting.checkpointing,
        max_length=setting.length,
        memory_gib=MemoryNeed(
            needed=_gib(chosen.need.total_gib),
            available=_floor(chosen.available_gib),
            parts={name: round(value, 3) for name, value in chosen.need.parts.items()},
        ),
        estimate=chosen.estimate,
        hourly_price=chosen.pool.spec.price,
        output_gib=output_gib(job, chosen),
        queued=not chosen.pool.has_room(option.gpus),
        reasons=refusals.reasons(job, order, attempts, chosen, first),
        considered=considered,
    )


def refusal(
    job: Job, order: Order, attempts: Sequence[Attempt], considered: list[Considered]
) -> Refusal:
    """Nothing fits, or nothing within the budget."""
    costly = [a.outcome.over_budget for a in attempts if a.outcome.over_budget is not None]
    if costly:
        cheapest = min(costly, key=lambda fit: (fit.estimate.cost, fit.estimate.hours))
        return Refusal(
            reason=Reason.BUDGET_TOO_SMALL,
            error=refusals.over_budget(job, cheapest),
            considered=considered,
        )
    return Refusal(
        reason=Reason.NOTHING_FITS,
        error=refusals.nothing_fits(job, order, attempts),
        considered=considered,
    )


def output_gib(job: Job, fit: Fit) -> int:
    """GiB of a claim that holds the model and the checkpoints of training it."""
    adapters = adapter_parameters(job.shape, fit.option.setting)
    trained = adapters or job.shape.parameters
    # A checkpoint has fp32 weights and both moments; the finished model fp32 or, merged, 16-bit.
    size = CHECKPOINTS * 12.0 * trained + 4.0 * trained
    if adapters and job.spec.output.merge:
        size += 2.0 * job.shape.parameters
    return math.ceil(1.1 * size / 2**30) + 1


def considered(
    job: Job,
    pools: Sequence[PoolState],
    order: Order,
    attempts: Sequence[Attempt],
    chosen: Fit | None,
) -> list[Considered]:
    """One line for every pool, in the order in which they were tried, then the others by name."""
    tried = {attempt.pool.name: attempt for attempt in attempts}
    lines = [_tried(job, attempt, chosen) for attempt in tried.values()]
    for pool in pools:
        if pool.name not in tried:
            lines.append(_untried(job, pool, order))
    return lines


def _tried(job: Job, attempt: Attempt, chosen: Fit | None) -> Considered:
    outcome, pool = attempt.outcome, attempt.pool
    if outcome.best is None:
        reason = refusals.method_conflict(job, pool)
        return Considered(pool=pool.name, verdict="notAllowed", gpus=attempt.gpus, reason=reason)
    verdict, reason = refusals.verdict(job, attempt, chosen)
    return _line(pool, verdict, reason, outcome.best)


def _untried(job: Job, pool: PoolState, order: Order) -> Considered:
    """A pool that was out of the question; with its figures all the same, where it has any."""
    wrong = contradiction(pool)
    if not pool.allowed:
        return _line(pool, "notAllowed", "It is closed to this namespace.")
    if wrong is not None:
        return _line(pool, "invalid", f"It cannot be used: {wrong}.")
    counts = gpu_counts(job.spec, pool.spec.gpu.per_node)
    best = job.try_pool(pool, counts[0]).best if counts else None
    if job.spec.hardware.pool is not None:
        reason = f"The job names {job.spec.hardware.pool} in hardware.pool."
        return _line(pool, "notNamed", reason, best)
    if pool.spec.by_name_only:
        return _line(pool, "notNamed", "It is taken only when hardware.pool names it.", best)
    if pool in order.smaller:
        return _line(pool, "tooSmall", refusals.smaller_band(job, pool), best)
    return _line(pool, "tooSmall", refusals.impossible_gpus(job.spec, [pool]))


def _line(pool: PoolState, verdict: Verdict, reason: str, fit: Fit | None = None) -> Considered:
    if fit is None:
        return Considered(pool=pool.name, verdict=verdict, reason=reason)
    return Considered(
        pool=pool.name,
        verdict=verdict,
        reason=reason,
        method=fit.option.rung.method,
        gpus=fit.option.gpus,
        per_device_batch_size=fit.option.setting.pairs,
        needed=_gib(fit.need.total_gib),
        available=_floor(fit.available_gib),
        hours=fit.estimate.hours if fit.estimate.steps else None,
        cost=fit.estimate.cost if fit.estimate.steps else None,
    )


def _gib(value: float) -> float:
    """Rounded up, so that what is shown is never less than what was meant."""
    return math.ceil(value * 100) / 100


def _floor(value: float) -> float:
    return math.floor(value * 100) / 100
