"""Why a job is refused, in sentences: what is missing, in figures, and which settings would fit."""

from __future__ import annotations

import math
from collections.abc import Sequence

from dpojob_api.quantity import format_count, money
from dpojob_api.spec import DPOJobSpec
from dpojob_planner.candidates import Candidate, PlanningContext, PoolTrial
from dpojob_planner.estimates import MEMORY_MARGIN, gpus_per_job, is_cpu_only, mig_slices
from dpojob_planner.pools import PoolState
from dpojob_planner.search_space import (
    allowed_strategies,
    requested_8bit_optimizer,
    syncs_reference_model,
)

from .evaluation_reasons import evaluation_share
from .wording import count_gpus, describe_candidate


def available_pools(pools: Sequence[PoolState]) -> str:
    """List the pools that the job may name instead.

    Args:
        pools: Pools open to the job's namespace.

    Returns:
        A clause that ends a sentence.
    """
    if not pools:
        return "no other pool is open to this namespace."
    return "hardware.pool may name " + ", ".join(sorted(pool.name for pool in pools)) + "."


def no_pools(context: PlanningContext, pools: Sequence[PoolState]) -> str:
    """Explain that no pool may be chosen unless the job names one.

    Args:
        context: The job.
        pools: Pools open to the job's namespace, all of them `byNameOnly`.

    Returns:
        One sentence.
    """
    remedy = available_pools(pools) if pools else "an administrator adds one, see examples/pools."
    return (
        f"no GPUPool is open to this namespace for a model of "
        f"{format_count(context.shape.parameters)} parameters; {remedy}"
    )


def method_conflict(context: PlanningContext, pool: PoolState) -> str:
    """Explain why no strategy is allowed on a pool.

    Args:
        context: The job.
        pool: The pool.

    Returns:
        One sentence that names the conflicting settings.
    """
    wanted, gpu = context.spec.training.method, pool.spec.gpu
    optim = requested_8bit_optimizer(context.spec)
    if optim is not None and is_cpu_only(gpu):
        return (
            f"training.arguments: optim {optim} is an optimizer of bitsandbytes, which has it for GPUs only; "
            "leave optim out."
        )
    if syncs_reference_model(context.spec):
        return (
            "training.arguments: sync_ref_model needs a reference model of its own, which only full "
            f"fine-tuning has, and {_no_full_tuning(context, pool)}; leave sync_ref_model out."
        )
    if wanted != "auto" and allowed_strategies(context.spec, context.facts, "auto", gpu):
        return (
            f"training.method is {wanted}, and GPUPool {pool.name} trains with method "
            f"{pool.spec.method} only."
        )
    if context.facts.quantization is not None:
        return (
            f"The model is stored quantised ({context.facts.quantization}); only qlora can train it, "
            f"as training.method or with auto."
        )
    return f"GPUPool {pool.name} trains with method {pool.spec.method} only, which this model does not allow."


def _no_full_tuning(context: PlanningContext, pool: PoolState) -> str:
    if context.facts.quantization is not None:
        return f"the model is stored quantised ({context.facts.quantization})"
    if context.spec.training.method not in ("auto", "full"):
        return f"training.method is {context.spec.training.method}"
    return f"GPUPool {pool.name} trains with method {pool.spec.method} only"


def impossible_gpus(spec: DPOJobSpec, pools: Sequence[PoolState]) -> str:
    """Explain why no number of GPUs suits the job on some pools.

    Args:
        spec: The job's spec.
        pools: At least one pool, none of which has a possible number of GPUs.

    Returns:
        One sentence with the numbers that are possible.
    """
    hardware, batch = spec.hardware, spec.training.batch_size
    most = max(gpus_per_job(pool.spec.gpu) for pool in pools)
    names = ", ".join(pool.name for pool in pools)
    slices = [pool for pool in pools if mig_slices(pool.spec.gpu) is not None]
    if len(slices) == len(pools) and (hardware.nodes > 1 or (hardware.gpus or 1) > 1):
        asked = f"hardware.nodes {hardware.nodes}" if hardware.nodes > 1 else f"hardware.gpus {hardware.gpus}"  # fmt: skip
        return (
            f"{asked} cannot be had on {names}: its GPUs are MIG slices ({slices[0].spec.gpu.resource}), of "
            "which a job can use one; leave hardware.gpus and hardware.nodes "
            "out, or name a pool of whole GPUs."
        )
    nodes = "one node" if hardware.nodes == 1 else f"{hardware.nodes} nodes"
    if hardware.gpus is not None and batch % hardware.gpus:
        return (
            f"hardware.gpus {hardware.gpus} does not divide training.batchSize {batch}, so the batch "
            f"would not be exactly what was asked; use {_divisors(batch)} GPUs, or a batchSize that is "
            f"a multiple of {hardware.gpus}."
        )
    if hardware.gpus is not None and hardware.gpus % hardware.nodes:
        return (
            f"hardware.gpus {hardware.gpus} cannot be spread evenly over hardware.nodes "
            f"{hardware.nodes}; make gpus a multiple of nodes."
        )
    if hardware.gpus is not None:
        return (
            f"hardware.gpus {hardware.gpus} on {nodes} is more than there is: {names} has {most} "
            f"GPU{'s' * (most > 1)} per node, so at most {most * hardware.nodes}; ask for fewer GPUs or "
            f"set hardware.nodes to {math.ceil(hardware.gpus / most)}."
        )
    return (
        f"training.batchSize {batch} cannot be divided over hardware.nodes {hardware.nodes}; use a "
        f"multiple of {hardware.nodes}."
    )


def _divisors(number: int) -> str:
    found = [str(n) for n in range(1, min(number, 64) + 1) if number % n == 0]
    return ", ".join(found[:-1]) + (" or " if len(found) > 1 else "") + found[-1]


def over_budget(context: PlanningContext, cheapest: Candidate) -> str:
    """Explain by how much the cheapest candidate exceeds the budget, and what would be within it.

    Args:
        context: The job.
        cheapest: The cheapest candidate that fits in memory.

    Returns:
        Sentences: the excess; with spec.evaluation its part; the epochs, the pairs or the budget that would do.
    """
    budget, remedies, limits = context.spec.budget, [], []
    affordable = context.affordable_work(cheapest)
    if affordable.epochs is not None:
        remedies.append(f"training.epochs {affordable.epochs:g}")
    if affordable.rows is not None:
        remedies.append(f"about {affordable.rows} pairs")
    if budget.max_cost is not None:
        limits.append(f"maxCost {money(cheapest.estimate.cost)}")
    if budget.max_duration is not None:
        limits.append(f"maxDuration {math.ceil(cheapest.estimate.hours * 60)}m")
    remedies.append("a budget of " + " and ".join(limits))
    evaluation = ""
    if context.spec.evaluation is not None:
        price = cheapest.option.gpus * cheapest.pool.spec.price
        evaluation = f"{evaluation_share(cheapest.estimate, price)} "
    return (
        f"the cheapest that fits, {describe_candidate(cheapest)} on {cheapest.pool.name}, "
        f"{context.budget_excess(cheapest)}. {evaluation}"
        f"What would be within: {', or '.join(remedies)}."
    )


def nothing_fits(context: PlanningContext, trials: Sequence[PoolTrial]) -> str:
    """Explain that no pool has the memory for the job.

    Args:
        context: The job.
        trials: All trials; none has a candidate that fits in memory.

    Returns:
        One sentence: the least memory needed, the most available (GiB), and settings that would fit.
    """
    size = format_count(context.shape.parameters)
    least = [t.result.smallest for t in trials if t.result.smallest is not None]
    if not least:
        if trials:
            return method_conflict(context, trials[0].pool)
        return f"no open GPUPool is for a model of {size} parameters."
    best = min(least, key=lambda each: each.memory.total_gib - each.available_gib)
    named = context.spec.hardware.pool
    where = f"{named}" if named else "any open pool"
    fillable_share = best.fillable_gib / best.pool.spec.gpu.memory_gib
    text = (
        f"a model of {size} parameters does not fit on {where}: the least, {describe_candidate(best)} at "
        f"maxLength {best.option.settings.length}, needs {best.memory.total_gib:.1f} GiB on "
        f"{count_gpus(best.option.gpus)}, and a GPU of {best.pool.name} offers "
        f"{best.available_gib:.1f} GiB, of which {MEMORY_MARGIN:.0%} stay free. It takes a pool with GPUs of "
        f"{math.ceil(best.memory.total_gib / fillable_share)} GiB or more"
    )
    if context.spec.training.method not in ("auto", "qlora"):
        text += f", or a training.method other than {context.spec.training.method}"
    if named:
        text += ", or leave hardware.pool out to have one chosen"
    return text + ", or a smaller model."
