"""The choice: which pool, how many GPUs, which method and batch, and the reasons as sentences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dpojob_api.conditions import Reason
from dpojob_api.plan import Plan, Refusal
from dpojob_api.quantity import format_count
from dpojob_api.report import InspectionReport
from dpojob_api.spec import DPOJobSpec

from . import result, sentences
from .fit import Fit, Job, Outcome
from .options import gpu_counts
from .pools import Order, PoolState, contradiction, order


@dataclass(frozen=True)
class Attempt:
    """One pool tried with one number of GPUs."""

    pool: PoolState
    gpus: int
    outcome: Outcome


def plan(spec: DPOJobSpec, report: InspectionReport, pools: Sequence[PoolState]) -> Plan | Refusal:
    """Choose a pool, a method and a batch, or refuse with figures and a way out.

    Pure: the same arguments give the same answer, in whatever order `pools` come. `report.model`
    needs only `parameters`; the rest sharpens the prediction. Without rows in the report the plan
    carries no estimate, and a budget is not judged. Raises ValueError when `report.model` is None.
    """
    if report.model is None:
        raise ValueError("there is nothing to plan without the model's facts in the report")
    job = Job.of(spec, report, report.model)
    pools = sorted(pools, key=lambda pool: pool.name)
    refusal = _refused_at_once(job, pools)
    if refusal is not None:
        return refusal
    named = spec.hardware.pool
    usable = [pool for pool in pools if pool.allowed and contradiction(pool) is None]
    if named is not None:
        candidates = Order(tuple(pool for pool in usable if pool.name == named))
    else:
        candidates = order(
            [pool for pool in usable if not pool.spec.by_name_only], job.shape.parameters
        )
    attempts = _attempts(job, candidates.tried)
    fits = [attempt.outcome.taken for attempt in attempts if attempt.outcome.taken is not None]
    chosen = _with_room(job, fits) if fits else None
    considered = result.considered(job, pools, candidates, attempts, chosen)
    if chosen is None:
        return result.refusal(job, candidates, attempts, considered)
    return result.plan(job, candidates, attempts, chosen, fits[0], considered)


def _attempts(job: Job, pools: Sequence[PoolState]) -> list[Attempt]:
    """Every pool with the fewest GPUs it may give; then, for those that were too small, with more."""
    found: list[Attempt] = []
    counts = {pool.name: gpu_counts(job.spec, pool.spec.gpu.per_node) for pool in pools}
    for turn in range(max((len(each) for each in counts.values()), default=0)):
        for pool in pools:
            if turn >= len(counts[pool.name]):
                continue
            if any(a.pool is pool and a.outcome.taken is not None for a in found):
                continue
            gpus = counts[pool.name][turn]
            found.append(Attempt(pool, gpus, job.try_pool(pool, gpus)))
    return found


def _with_room(job: Job, fits: Sequence[Fit]) -> Fit:
    """The first choice, or, where the spec allows it, the next dearer one that has room now."""
    first = fits[0]
    if job.spec.hardware.when_full == "Wait" or first.pool.has_room(first.option.gpus):
        return first
    price = first.pool.spec.price
    dearer = [fit for fit in fits[1:] if fit.pool.spec.price >= price]
    return next((fit for fit in dearer if fit.pool.has_room(fit.option.gpus)), first)


def _refused_at_once(job: Job, pools: Sequence[PoolState]) -> Refusal | None:
    """What needs no arithmetic: no pools, no such pool, a pool that is closed, GPUs that do not divide."""
    spec, hardware = job.spec, job.spec.hardware
    considered = result.considered(job, pools, Order(()), [], None)
    usable = [pool for pool in pools if pool.allowed]
    if hardware.pool is not None:
        named = next((pool for pool in pools if pool.name == hardware.pool), None)
        if named is None:
            return Refusal(
                reason=Reason.POOL_NOT_FOUND,
                error=f"hardware.pool {hardware.pool} is not a GPUPool of this cluster; "
                + sentences.available_pools(usable),
                considered=considered,
            )
        if not named.allowed:
            return Refusal(
                reason=Reason.POOL_NOT_ALLOWED,
                error=f"GPUPool {named.name} is closed to this namespace by its namespaceSelector; "
                + sentences.available_pools(usable),
                considered=considered,
            )
        wrong = contradiction(named)
        if wrong is not None:
            return Refusal(
                reason=Reason.NOTHING_FITS,
                error=f"GPUPool {named.name} cannot be used: {wrong}.",
                considered=considered,
            )
        usable = [named]
    elif not any(not pool.spec.by_name_only for pool in usable):
        return Refusal(
            reason=Reason.NO_POOLS,
            error=f"no GPUPool is open to this namespace for a model of "
            f"{format_count(job.shape.parameters)} parameters; "
            + (
                sentences.available_pools(usable)
                if usable
                else "an administrator adds one, see examples/pools."
            ),
            considered=considered,
        )
    if all(not gpu_counts(spec, pool.spec.gpu.per_node) for pool in usable):
        return Refusal(
            reason=Reason.NOTHING_FITS,
            error=sentences.impossible_gpus(spec, usable),
            considered=considered,
        )
    return None
