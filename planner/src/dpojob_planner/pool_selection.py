"""The choice: which pool, how many GPUs, which method and batch, and the reasons as sentences."""

from __future__ import annotations

from collections.abc import Sequence

from dpojob_api.conditions import Reason
from dpojob_api.plan import Plan, Refusal
from dpojob_api.report import InspectionReport
from dpojob_api.spec import DPOJobSpec

from . import plan_builder
from .candidates import Attempt, Fit, Job
from .explanations import refusals
from .pools import Order, PoolState, contradiction, order
from .search_space import gpu_counts


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
    refused = _refused_at_once(job, pools)
    if refused is not None:
        considered = plan_builder.considered(job, pools, Order(()), [], None)
        return Refusal(reason=refused[0], error=refused[1], considered=considered)
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
    considered = plan_builder.considered(job, pools, candidates, attempts, chosen)
    if chosen is None:
        return plan_builder.refusal(job, candidates, attempts, considered)
    return plan_builder.plan(job, candidates, attempts, chosen, fits[0], considered)


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


def _refused_at_once(job: Job, pools: Sequence[PoolState]) -> tuple[Reason, str] | None:
    """Reason and error of what needs no arithmetic; None when there is something to try."""
    hardware = job.spec.hardware
    usable = [pool for pool in pools if pool.allowed]
    if hardware.pool is not None:
        named = next((pool for pool in pools if pool.name == hardware.pool), None)
        if named is None:
            there_are = refusals.available_pools(usable)
            return Reason.POOL_NOT_FOUND, (
                f"hardware.pool {hardware.pool} is not a GPUPool of this cluster; {there_are}"
            )
        if not named.allowed:
            there_are = refusals.available_pools(usable)
            return Reason.POOL_NOT_ALLOWED, (
                f"GPUPool {named.name} is closed to this namespace by its namespaceSelector; {there_are}"
            )
        wrong = contradiction(named)
        if wrong is not None:
            return Reason.NOTHING_FITS, f"GPUPool {named.name} cannot be used: {wrong}."
        usable = [named]
    elif all(pool.spec.by_name_only for pool in usable):
        return Reason.NO_POOLS, refusals.no_pools(job, usable)
    if all(not gpu_counts(job.spec, pool.spec.gpu.per_node) for pool in usable):
        return Reason.NOTHING_FITS, refusals.impossible_gpus(job.spec, usable)
    return None
