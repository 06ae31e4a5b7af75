"""Why a plan was made, in sentences: the pool, the method, the batch, the kernels, and the price."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from dpojob_api.quantity import format_count, format_duration, money
from dpojob_api.shared_training_constants import (
    CPU_EAGER_ATTENTION_MAX_TOKENS,
    cpu_uses_eager_attention,
    grace_period_seconds,
)
from dpojob_planner.candidates import Candidate, PlanningContext, PoolTrial
from dpojob_planner.estimates import (
    GIB,
    MEMORY_MARGIN,
    checkpoint_bytes,
    is_cpu_only,
    measured_rate,
    precision,
    save_seconds,
    sustained_flops,
)
from dpojob_planner.pools import PoolOrder, in_band

from .evaluation_reasons import evaluation_reasons
from .wording import capitalize, count_gpus, describe_band, with_article


def plan_reasons(
    context: PlanningContext,
    order: PoolOrder,
    trials: Sequence[PoolTrial],
    chosen: Candidate,
    first: Candidate,
) -> list[str]:
    """Explain the decision, in the order in which it was made.

    Args:
        context: The job.
        order: The order in which pools were tried.
        trials: All trials, in that order; one of them selected `chosen`.
        chosen: The candidate to train with.
        first: The first choice, which differs from `chosen` where it has no room now.

    Returns:
        Sentences for `status.plan.reasons`.
    """
    pool, option, settings = chosen.pool, chosen.option, chosen.option.settings
    reasons = [_pool_reason(context, order, trials, chosen, first)]
    if context.spec.hardware.gpus is None and option.gpus > context.spec.hardware.nodes:
        reasons.append(f"Fewer than {option.gpus} GPUs are enough on no pool that may be used.")
    result = next(t.result for t in trials if t.result.selected is chosen)
    if result.rejected:
        reasons.append(f"On {pool.name}, {'; '.join(result.rejected)}.")
    if option.strategy.precompute and context.spec.cache is not None:
        reasons.append(
            "The reference's log-probabilities are computed ahead of training and kept on the cache, where "
            "later jobs find them."
        )
        reasons += _stored_reference_reasons(chosen)
    elif result.slower is not None:
        saved = 1 - chosen.comparable_hours / result.slower.comparable_hours
        reasons.append(
            f"The reference's log-probabilities are computed once, ahead of training, which saves "
            f"{saved:.0%} of the time."
        )
    offers = "are free here" if pool.local else f"{with_article(pool.spec.gpu.model)} offers"
    device = "processor" if is_cpu_only(pool.spec.gpu) else "GPU"
    devices = f"one {device}" if option.gpus == 1 else count_gpus(option.gpus)
    reasons.append(
        f"{capitalize(str(option.strategy))} on {devices} needs {chosen.memory.total_gib:.1f} GiB of "
        f"the {chosen.available_gib:.1f} GiB that {offers}, of which {MEMORY_MARGIN:.0%} stay free."
    )
    reasons.append(
        f"The global batch of {context.spec.training.batch_size} is {settings.pairs} per {device} x "
        f"{option.accumulation} accumulation steps x {devices}."
    )
    reasons += _kernel_reasons(context, chosen)
    if context.sharing.reason is not None:
        reasons.append(context.sharing.reason)
    if option.gpus > 1:
        reasons.append(
            f"Weights, gradients and optimizer are sharded over {option.gpus} GPUs (FSDP)."
            if settings.shards > 1
            else f"Each of {option.gpus} GPUs holds the whole model (data parallel)."
        )
    reasons.append(_price_reason(chosen))
    reasons += evaluation_reasons(context, chosen)
    reasons += _rate_reasons(chosen)
    if not pool.local:
        reasons.append(_checkpoint_reason(context, chosen))
    if not pool.has_room(option.gpus):
        reasons.append(
            f"{pool.name} has {pool.free} free of {count_gpus(option.gpus)} needed; the job waits for room. "
            "hardware.whenFull: NextPool would take a dearer pool that has it."
        )
    return reasons


def _pool_reason(
    context: PlanningContext,
    order: PoolOrder,
    trials: Sequence[PoolTrial],
    chosen: Candidate,
    first: Candidate,
) -> str:
    pool = chosen.pool
    size = format_count(context.shape.parameters)
    if pool.local:
        return f"The model has {size} parameters and is trained on this machine."
    if context.spec.hardware.pool is not None:
        return f"The job names {pool.name} in hardware.pool; the model has {size} parameters."
    if chosen is not first:
        return (
            f"{first.pool.name} is the first choice and has no room now; hardware.whenFull is NextPool, "
            f"so {pool.name} is taken."
        )
    if pool in order.first:
        if pool.spec.model_size is not None and not in_band(
            pool.spec.model_size, context.shape.parameters
        ):
            return (
                f"The model has {size} parameters, outside every pool's modelSize; the nearest is that of "
                f"{pool.name}, for {describe_band(pool)}."
            )
        return f"The model has {size} parameters, and {pool.name} is for {describe_band(pool)}."
    tried = {trial.pool.name for trial in trials}
    too_small = [each.name for each in order.first if each.name in tried]
    untried = [each.name for each in order.first if each.name not in tried]
    clauses = []
    if too_small:
        limits = "memory and budget" if _has_budget(context) else "memory"
        clauses.append(f"finds no {limits} on {' or '.join(too_small)}")
    if untried:
        count = context.spec.hardware.gpus or context.spec.hardware.nodes
        clauses.append(f"cannot have {count_gpus(count)} on {' or '.join(untried)}")
    because = " and ".join(clauses) or "has no pool of its own size"
    return (
        f"The model has {size} parameters and {because}; {pool.name} is the cheapest larger pool "
        f"that serves."
    )


def _has_budget(context: PlanningContext) -> bool:
    budget = context.spec.budget
    return budget.max_cost is not None or budget.max_duration is not None


def _kernel_reasons(context: PlanningContext, chosen: Candidate) -> Iterator[str]:
    """What is recomputed, in which precision, and with which attention."""
    gpu, settings = chosen.pool.spec.gpu, chosen.option.settings
    yield (
        "Gradient checkpointing is on: activations would not fit, or only with a smaller, slower batch."
        if settings.checkpointing
        else "Gradient checkpointing is off: activations fit without, which saves recomputing them."
    )
    if is_cpu_only(gpu):
        yield (
            "Precision is bf16, which this processor computes in faster than in fp32."
            if precision(gpu, context.shape.parameters) == "bf16"
            else "Precision is fp32: there is no GPU here."
        )
    elif not gpu.bf16:
        yield f"Precision is fp16 with loss scaling: {with_article(gpu.model)} does not compute in bf16."
    yield (
        f"{_attention(context, chosen)}; the LM head scores the answers only, not prompts and padding."
    )


def _attention(context: PlanningContext, chosen: Candidate) -> str:
    options = context.spec.training.arguments.get("model_init_kwargs")
    requested = options.get("attn_implementation") if isinstance(options, dict) else None
    if requested is not None:
        return f"Attention is {requested}, as training.arguments says"
    length = chosen.option.settings.length
    if is_cpu_only(chosen.pool.spec.gpu) and cpu_uses_eager_attention(length):
        return (
            f"Attention is plain (eager), up to {CPU_EAGER_ATTENTION_MAX_TOKENS} tokens the quickest "
            "on a processor"
        )
    return "Attention is torch's own (sdpa) where the architecture has it"


def _price_reason(chosen: Candidate) -> str:
    estimate = chosen.estimate
    if not estimate.steps:
        return "The number of pairs is not known, so time and cost are not estimated."
    evaluations = f" and {estimate.evaluations} evaluations" if estimate.evaluations else ""
    duration = (
        f"About {estimate.steps} steps{evaluations} in {format_duration(estimate.hours * 3600)}"
    )
    if chosen.pool.local:
        return f"{duration}."
    return f"{duration} at {chosen.pool.spec.price} per GPU and hour cost about {money(estimate.cost)}."


def _rate_reasons(chosen: Candidate) -> Iterator[str]:
    """Where the rate comes from by which the time is estimated."""
    gpu = chosen.pool.spec.gpu
    if not chosen.estimate.steps or is_cpu_only(gpu):
        return
    name, measured = with_article(gpu.model), measured_rate(gpu)
    if gpu.teraflops is not None:
        yield f"The time is by gpu.teraflops of {chosen.pool.name}, {gpu.teraflops:g} TFLOP/s."
    elif measured is not None:
        yield f"The time is by the rate of {name} that was {measured.measured}."
    else:
        yield (
            f"The time is by an assumed rate of {sustained_flops(gpu) / 1e12:.1f} TFLOP/s for {name}, "
            "which was not measured on a card."
        )


def _stored_reference_reasons(chosen: Candidate) -> list[str]:
    """Say what stored log-probabilities would save: nothing reads the cache before the training pod runs."""
    estimate = chosen.estimate
    if not estimate.hours:
        return []
    share = estimate.reference_seconds / estimate.seconds()
    return [
        f"Where an earlier job has left them there, training takes about {share:.0%} less than estimated, which "
        "is known once it has read the cache."
    ]


def _checkpoint_reason(context: PlanningContext, chosen: Candidate) -> str:
    shape, settings = context.shape, chosen.option.settings
    save = save_seconds(shape, settings)
    grace = grace_period_seconds(save, chosen.estimate.step_seconds)
    return (
        f"A checkpoint of {checkpoint_bytes(shape, settings) / GIB:.1f} GiB takes about "
        f"{format_duration(save)} to write, so the pod needs {format_duration(grace)} to stop with one."
    )
