"""The choice of a pool: which pool, how many GPUs, which method and batch."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from dpojob_api.conditions import Reason
from dpojob_api.plan import Plan, Refusal
from dpojob_api.report import InspectionReport
from dpojob_api.spec import DPOJobSpec

from . import plan_builder
from .candidates import Candidate, PlanningContext, PoolTrial
from .explanations import refusals
from .planning_inputs import PlanningInputs
from .pools import PoolOrder, PoolState, order_pools
from .search_space import gpu_counts

MAX_KEPT_PLANS = 256
"""Plans that are kept for jobs with the same inputs; each takes about 20 KB."""


def plan(spec: DPOJobSpec, report: InspectionReport, pools: Sequence[PoolState]) -> Plan | Refusal:
    """Choose a pool, a method and a batch, or refuse with figures and settings that would fit.

    A pure function: the same arguments give the same answer, in whatever order `pools` are given.
    The rules of the choice are in docs/plan.md, "How it chooses".

    Args:
        spec: The job's spec.
        report: The inspection report. Of `report.model` only `parameters` is required; the other
            fields make the prediction more exact. Without rows in the report the plan has no
            estimate, and the budget is not checked.
        pools: All pools with their present capacity.

    Returns:
        The plan, or the refusal with its condition reason; either with one line for every pool. Jobs with the
        same inputs get the same object.

    Raises:
        ValueError: `report.model` is None.
    """
    if report.model is None:
        raise ValueError("there is nothing to plan without the model's facts in the report")
    return _kept_plan(PlanningInputs.create(spec, report, pools))


def plan_from_inputs(inputs: PlanningInputs) -> Plan | Refusal:
    """Choose a pool, a method and a batch as `plan` does, for inputs that were reduced before.

    Args:
        inputs: The inputs; their report has the model's facts.

    Returns:
        The plan or the refusal.
    """
    spec, pools = inputs.spec, inputs.pools
    assert inputs.report.model is not None
    context = PlanningContext.create(spec, inputs.report, inputs.report.model)
    refused = _refuse_before_trials(context, pools)
    if refused is not None:
        considered = plan_builder.pool_candidates(context, pools, PoolOrder(()), [], None)
        return Refusal(reason=refused[0], error=refused[1], considered=considered)
    named = spec.hardware.pool
    usable = [pool for pool in pools if pool.allowed and pool.problem is None]
    if named is not None:
        order = PoolOrder(tuple(pool for pool in usable if pool.name == named))
    else:
        order = order_pools(
            [pool for pool in usable if not pool.spec.by_name_only], context.shape.parameters
        )
    trials = _try_pools(context, order.tried)
    candidates = [trial.result.selected for trial in trials if trial.result.selected is not None]
    chosen = _candidate_with_room(context, candidates) if candidates else None
    considered = plan_builder.pool_candidates(context, pools, order, trials, chosen)
    if chosen is None:
        return plan_builder.build_refusal(context, trials, considered)
    return plan_builder.build_plan(context, order, trials, chosen, candidates[0], considered)


_kept_plan = lru_cache(maxsize=MAX_KEPT_PLANS)(plan_from_inputs)


def _try_pools(context: PlanningContext, pools: Sequence[PoolState]) -> list[PoolTrial]:
    """Try every pool with the fewest GPUs possible; then, those that were too small, with more."""
    trials: list[PoolTrial] = []
    counts = {pool.name: gpu_counts(context.spec, pool.spec.gpu) for pool in pools}
    for round_ in range(max((len(each) for each in counts.values()), default=0)):
        for pool in pools:
            if round_ >= len(counts[pool.name]):
                continue
            if any(t.pool is pool and t.result.selected is not None for t in trials):
                continue
            gpus = counts[pool.name][round_]
            trials.append(PoolTrial(pool, gpus, context.try_pool(pool, gpus)))
    return trials


def _candidate_with_room(context: PlanningContext, candidates: Sequence[Candidate]) -> Candidate:
    """The first choice or, where the spec allows it, the next one as dear or dearer that has room."""
    first = candidates[0]
    if context.spec.hardware.when_full == "Wait" or first.pool.has_room(first.option.gpus):
        return first
    price = first.pool.spec.price
    dearer = [candidate for candidate in candidates[1:] if candidate.pool.spec.price >= price]
    return next((each for each in dearer if each.pool.has_room(each.option.gpus)), first)


def _refuse_before_trials(
    context: PlanningContext, pools: Sequence[PoolState]
) -> tuple[Reason, str] | None:
    """Reason and error of a refusal that needs no arithmetic; None when a pool can be tried."""
    hardware = context.spec.hardware
    usable = [pool for pool in pools if pool.allowed]
    if hardware.pool is not None:
        named = next((pool for pool in pools if pool.name == hardware.pool), None)
        if named is None:
            alternatives = refusals.available_pools(usable)
            return Reason.POOL_NOT_FOUND, (
                f"hardware.pool {hardware.pool} is not a GPUPool of this cluster; {alternatives}"
            )
        if not named.allowed:
            alternatives = refusals.available_pools(usable)
            return Reason.POOL_NOT_ALLOWED, (
                f"GPUPool {named.name} is closed to this namespace by its namespaceSelector; {alternatives}"
            )
        wrong = named.problem
        if wrong is not None:
            return Reason.NOTHING_FITS, f"GPUPool {named.name} cannot be used: {wrong}."
        usable = [named]
    elif all(pool.spec.by_name_only for pool in usable):
        return Reason.NO_POOLS, refusals.no_pools(context, usable)
    if all(not gpu_counts(context.spec, pool.spec.gpu) for pool in usable):
        return Reason.NOTHING_FITS, refusals.impossible_gpus(context.spec, usable)
    return None
