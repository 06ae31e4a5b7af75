"""Advice besides the plan: unusual settings before training, smaller settings after running out of memory."""

from __future__ import annotations

from collections.abc import Iterator

from dpojob_api.plan import Plan
from dpojob_api.spec import DPOJobSpec

from .estimates import MEMORY_MARGIN

LENGTH_DEPENDENT_PARTS = ("activations", "logits", "fragmentation")
"""Parts of a plan's memory that shrink with maxLength."""
MIN_LENGTH_SHARE = 0.25
"""A maxLength below this share of the present one is not proposed."""


def recommendations(spec: DPOJobSpec) -> list[str]:
    """List the values outside the recommended range. They warn; nothing is refused.

    The ranges are those of the field descriptions in `dpojob_api.spec.Training`.

    Args:
        spec: The job's spec.

    Returns:
        One sentence for each unusual value; empty when all are usual.
    """
    training = spec.training
    usual = (
        ("epochs", training.epochs, 1, 3, "preference pairs are soon learned by heart"),
        ("learningRate", training.learning_rate, 5e-7, 5e-6, "higher rates break DPO, lower ones stall"),
        ("beta", training.beta, 0.1, 0.5, "it is the strength of the pull to the reference model"),
        ("batchSize", training.batch_size, 4, 16, "smaller is noisy, larger takes few steps"),
    )  # fmt: skip
    return [
        f"training.{name} is {value:g}; {low:g} to {high:g} is recommended: {why}."
        for name, value, low, high, why in usual
        if not low <= value <= high
    ]


def out_of_memory_advice(plan: Plan, peak_gib: float) -> str:
    """Name the settings that would fit, for a run that ran out of GPU memory.

    Args:
        plan: The plan the run followed.
        peak_gib: Measured peak per GPU until the failure, GiB; the trainer's termination message
            holds it.

    Returns:
        One sentence.
    """
    settings = list(_smaller_settings(plan, peak_gib))
    if not settings:
        return "No smaller setting is known to fit; it takes a GPUPool with larger GPUs."
    return f"What would fit: {', or '.join(settings)}."


def _smaller_settings(plan: Plan, peak_gib: float) -> Iterator[str]:
    memory = plan.memory_gib
    # The allocation that failed came on top of the peak, so at least the whole GPU was requested.
    requested = max(peak_gib, memory.needed, memory.available)
    length_dependent = sum(memory.parts.get(name, 0.0) for name in LENGTH_DEPENDENT_PARTS)
    constant = max(0.0, memory.needed - length_dependent)
    if length_dependent > 0 and requested > constant:
        share = ((1.0 - MEMORY_MARGIN) * memory.available - constant) / (requested - constant)
        length = int(share * plan.max_length) // 64 * 64
        if 0 < length < plan.max_length and share >= MIN_LENGTH_SHARE:
            yield f"training.maxLength {length}"
    if plan.method == "full":
        yield "training.method lora"
    elif plan.method == "lora":
        yield "training.method qlora"
    larger = [
        pool
        for pool in plan.considered
        if pool.available is not None
        and (1.0 - MEMORY_MARGIN) * pool.available >= requested
        and pool.pool != plan.pool
    ]
    if larger:
        best = min(larger, key=lambda pool: (pool.available or 0.0, pool.pool))
        yield f"hardware.pool {best.pool} ({best.available:.1f} GiB per GPU)"
