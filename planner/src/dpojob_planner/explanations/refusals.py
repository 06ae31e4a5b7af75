"""The planner's words: every figure in them was computed elsewhere."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

from dpojob_api.quantity import format_count, format_duration, money
from dpojob_api.spec import DPOJobSpec
from dpojob_planner.candidates import Attempt, Fit, Job
from dpojob_planner.estimates.gpu import is_processor
from dpojob_planner.pools import Order, PoolState, in_band
from dpojob_planner.search_space import rungs, synchronises

from .plan_reasons import article, computing

Verdict = Literal["chosen", "fits", "tooSmall", "noRoom", "overBudget"]


def _gpus(count: int) -> str:
    return "one GPU" if count == 1 else f"{count} GPUs"


def _band(pool: PoolState) -> str:
    size = pool.spec.model_size
    if size is None:
        return "models of any size"
    if size.max is None:
        return f"models of {size.min} and more"
    return f"models of {size.min} to {size.max}" if size.min != "0" else f"models below {size.max}"


def available_pools(pools: Sequence[PoolState]) -> str:
    """What may be named instead."""
    if not pools:
        return "no other pool is open to this namespace."
    return "hardware.pool may name " + ", ".join(sorted(pool.name for pool in pools)) + "."


def no_pools(job: Job, pools: Sequence[PoolState]) -> str:
    """That no pool may be chosen freely."""
    way_out = available_pools(pools) if pools else "an administrator adds one, see examples/pools."
    return (
        f"no GPUPool is open to this namespace for a model of "
        f"{format_count(job.shape.parameters)} parameters; {way_out}"
    )


def method_conflict(job: Job, pool: PoolState) -> str:
    """Why no rung of the ladder is open on a pool."""
    wanted = job.spec.training.method
    if synchronises(job.spec):
        return (
            "training.arguments: sync_ref_model needs a reference model of its own, which only full "
            f"fine-tuning has, and {_no_full(job, pool)}; leave sync_ref_model out."
        )
    if wanted != "auto" and rungs(job.spec, job.facts, "auto"):
        return (
            f"training.method is {wanted}, and GPUPool {pool.name} trains with method "
            f"{pool.spec.method} only."
        )
    if job.facts.quantization is not None:
        return (
            f"The model is stored quantised ({job.facts.quantization}); only qlora can train it, "
            f"as training.method or with auto."
        )
    return f"GPUPool {pool.name} trains with method {pool.spec.method} only, which this model does not allow."


def _no_full(job: Job, pool: PoolState) -> str:
    if job.facts.quantization is not None:
        return f"the model is stored quantised ({job.facts.quantization})"
    if job.spec.training.method not in ("auto", "full"):
        return f"training.method is {job.spec.training.method}"
    return f"GPUPool {pool.name} trains with method {pool.spec.method} only"


def smaller_band(job: Job, pool: PoolState) -> str:
    """Why a pool below the model's band was not tried."""
    return (
        f"It is for {_band(pool)}; this one has {format_count(job.shape.parameters)} parameters. "
        f"hardware.pool: {pool.name} tries it all the same."
    )


def impossible_gpus(spec: DPOJobSpec, pools: Sequence[PoolState]) -> str:
    """Why no number of GPUs suits the job on these pools."""
    hardware, batch = spec.hardware, spec.training.batch_size
    most = max(pool.spec.gpu.per_node for pool in pools)
    names = ", ".join(pool.name for pool in pools)
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


def _shape(fit: Fit) -> str:
    setting, option = fit.option.setting, fit.option
    batch = f"{setting.pairs} pair{'s' * (setting.pairs > 1)} per GPU"
    if option.accumulation > 1:
        batch += f" and {option.accumulation} accumulation steps"
    return f"{option.rung} with {batch}"


def verdict(job: Job, attempt: Attempt, chosen: Fit | None) -> tuple[Verdict, str]:
    """What became of a pool that was tried, and why."""
    outcome, pool = attempt.outcome, attempt.pool
    fit = outcome.taken
    if fit is not None:
        text = f"{_shape(fit)} needs {fit.need.total_gib:.1f} of {fit.available_gib:.1f} GiB"
        if chosen is not None and fit is chosen:
            return "chosen", f"{_capital(text)}."
        if not pool.has_room(fit.option.gpus):
            return "noRoom", f"{_capital(text)}, and {pool.free} of its GPUs are free now."
        return "fits", f"{_capital(text)}; it comes later in the order of trying."
    if outcome.over_budget is not None:
        return (
            "overBudget",
            f"{_capital(_shape(outcome.over_budget))} {job.excess(outcome.over_budget)}.",
        )
    least = outcome.smallest
    assert least is not None
    return "tooSmall", (
        f"Even {_shape(least)} needs {least.need.total_gib:.1f} GiB on {_gpus(attempt.gpus)}, and a "
        f"GPU offers {least.available_gib:.1f}."
    )


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def reasons(
    job: Job, order: Order, attempts: Sequence[Attempt], chosen: Fit, first: Fit
) -> list[str]:
    """The decision as sentences, in the order in which it was made."""
    pool, option, setting = chosen.pool, chosen.option, chosen.option.setting
    size = format_count(job.shape.parameters)
    told = [_why_pool(job, order, attempts, chosen, first, size)]
    if job.spec.hardware.gpus is None and option.gpus > job.spec.hardware.nodes:
        told.append(f"Fewer than {option.gpus} GPUs are enough on no pool that may be used.")
    outcome = next(a.outcome for a in attempts if a.outcome.taken is chosen)
    if outcome.tried:
        told.append(f"On {pool.name}, {'; '.join(outcome.tried)}.")
    if outcome.slower is not None:
        saved = 1 - chosen.estimate.hours / outcome.slower.estimate.hours
        told.append(
            f"The reference's log-probabilities are computed once, ahead of training, which saves "
            f"{saved:.0%} of the time."
        )
    offers = "are free here" if pool.local else f"{article(pool.spec.gpu.model)} offers"
    device = "processor" if is_processor(pool.spec.gpu) else "GPU"
    devices = f"one {device}" if option.gpus == 1 else _gpus(option.gpus)
    told.append(
        f"{_capital(str(option.rung))} on {devices} needs {chosen.need.total_gib:.1f} GiB of "
        f"the {chosen.available_gib:.1f} GiB that {offers}."
    )
    told.append(
        f"The global batch of {job.spec.training.batch_size} is {setting.pairs} per {device} x "
        f"{option.accumulation} accumulation steps x {devices}."
    )
    told += computing(job, chosen)
    if option.gpus > 1:
        told.append(
            f"Weights, gradients and optimizer are sharded over {option.gpus} GPUs (FSDP)."
            if setting.shards > 1
            else f"Each of {option.gpus} GPUs holds the whole model (data parallel)."
        )
    told.append(_price(job, chosen))
    if not pool.has_room(option.gpus):
        told.append(
            f"{pool.name} has {pool.free} free of {_gpus(option.gpus)} needed; the job waits for room. "
            "hardware.whenFull: NextPool would take a dearer pool that has it."
        )
    return told


def _why_pool(
    job: Job, order: Order, attempts: Sequence[Attempt], chosen: Fit, first: Fit, size: str
) -> str:
    pool = chosen.pool
    if pool.local:
        return f"The model has {size} parameters and is trained on this machine."
    if job.spec.hardware.pool is not None:
        return f"The job names {pool.name} in hardware.pool; the model has {size} parameters."
    if chosen is not first:
        return (
            f"{first.pool.name} is the first choice and has no room now; hardware.whenFull is NextPool, "
            f"so {pool.name} is taken."
        )
    if pool in order.first:
        if pool.spec.model_size is not None and not in_band(
            pool.spec.model_size, job.shape.parameters
        ):
            return (
                f"The model has {size} parameters, outside every pool's modelSize; the nearest is that of "
                f"{pool.name}, for {_band(pool)}."
            )
        return f"The model has {size} parameters, and {pool.name} is for {_band(pool)}."
    tried = {attempt.pool.name for attempt in attempts}
    full = [each.name for each in order.first if each.name in tried]
    short = [each.name for each in order.first if each.name not in tried]
    clauses = []
    if full:
        limits = "memory and budget" if _limited(job) else "memory"
        clauses.append(f"finds no {limits} on {' or '.join(full)}")
    if short:
        count = job.spec.hardware.gpus or job.spec.hardware.nodes
        clauses.append(f"cannot have {_gpus(count)} on {' or '.join(short)}")
    because = " and ".join(clauses) or "has no pool of its own size"
    return (
        f"The model has {size} parameters and {because}; {pool.name} is the cheapest larger pool "
        f"that serves."
    )


def _limited(job: Job) -> bool:
    return job.spec.budget.max_cost is not None or job.spec.budget.max_duration is not None


def _price(job: Job, fit: Fit) -> str:
    if not fit.estimate.steps:
        return "The number of pairs is not known, so time and cost are not estimated."
    took = f"About {fit.estimate.steps} steps in {format_duration(fit.estimate.hours * 3600)}"
    if fit.pool.local:
        return f"{took}."
    return (
        f"{took} at {fit.pool.spec.price} per GPU and hour cost about {money(fit.estimate.cost)}."
    )


def over_budget(job: Job, fit: Fit) -> str:
    """By how much the cheapest option exceeds the budget, and what would be within it."""
    budget, ways, limits = job.spec.budget, [], []
    less = job.within(fit)
    if less.epochs is not None:
        ways.append(f"training.epochs {less.epochs:g}")
    if less.rows is not None:
        ways.append(f"about {less.rows} pairs")
    if budget.max_cost is not None:
        limits.append(f"maxCost {money(fit.estimate.cost)}")
    if budget.max_duration is not None:
        limits.append(f"maxDuration {math.ceil(fit.estimate.hours * 60)}m")
    ways.append("a budget of " + " and ".join(limits))
    return (
        f"the cheapest that fits, {_shape(fit)} on {fit.pool.name}, {job.excess(fit)}. "
        f"What would be within: {', or '.join(ways)}."
    )


def nothing_fits(job: Job, order: Order, attempts: Sequence[Attempt]) -> str:
    """The least that is needed against the most that there is, and the ways out."""
    size = format_count(job.shape.parameters)
    least = [a.outcome.smallest for a in attempts if a.outcome.smallest is not None]
    if not least:
        if attempts:
            return method_conflict(job, attempts[0].pool)
        return f"no open GPUPool is for a model of {size} parameters."
    best = min(least, key=lambda fit: fit.need.total_gib - fit.available_gib)
    named = job.spec.hardware.pool
    where = f"{named}" if named else "any open pool"
    text = (
        f"a model of {size} parameters does not fit on {where}: the least, {_shape(best)} at maxLength "
        f"{best.option.setting.length}, needs {best.need.total_gib:.1f} GiB on {_gpus(best.option.gpus)}, "
        f"and a GPU of {best.pool.name} offers {best.available_gib:.1f} GiB. It takes a pool with GPUs of "
        f"{math.ceil(best.need.total_gib / (best.available_gib / best.pool.spec.gpu.memory_gib))} GiB or "
        f"more"
    )
    if job.spec.training.method not in ("auto", "qlora"):
        text += f", or a training.method other than {job.spec.training.method}"
    if named:
        text += ", or leave hardware.pool out to have one chosen"
    return text + ", or a smaller model."
