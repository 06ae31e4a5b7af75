"""What to tell a user besides the plan: unusual settings before, the way out after running out of memory."""

from __future__ import annotations

from collections.abc import Iterator

from dpojob_api.plan import Plan
from dpojob_api.spec import DPOJobSpec

PASSING_PARTS = ("activations", "logits", "fragmentation")
"""Parts of a plan's memory that shrink with maxLength."""
MARGIN = 0.95
"""Share of what a GPU offers that advice after a failure aims at."""
LEAST_SHARE = 0.25
"""A maxLength below this share of the present one is not worth proposing."""


def recommendations(spec: DPOJobSpec) -> list[str]:
    """One sentence for each value outside the recommended range. They warn; nothing is refused."""
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
    """A sentence for a run that ran out of GPU memory: the settings that would fit.

    `peak_gib` is the measured peak per GPU, GiB, as far as training came; the trainer's own last word
    holds it beside the plan's figure.
    """
    ways = list(_ways_out(plan, peak_gib))
    if not ways:
        return "No smaller setting is known to fit; it takes a GPUPool with larger GPUs."
    return f"What would fit: {', or '.join(ways)}."


def _ways_out(plan: Plan, peak_gib: float) -> Iterator[str]:
    memory = plan.memory_gib
    # The allocation that failed came on top of the peak, so at least the whole GPU was wanted.
    wanted = max(peak_gib, memory.needed, memory.available)
    passing = sum(memory.parts.get(name, 0.0) for name in PASSING_PARTS)
    lasting = max(0.0, memory.needed - passing)
    if passing > 0 and wanted > lasting:
        share = (MARGIN * memory.available - lasting) / (wanted - lasting)
        length = int(share * plan.max_length) // 64 * 64
        if 0 < length < plan.max_length and share >= LEAST_SHARE:
            yield f"training.maxLength {length}"
    if plan.method == "full":
        yield "training.method lora"
    elif plan.method == "lora":
        yield "training.method qlora"
    larger = [
        line
        for line in plan.considered
        if line.available is not None
        and MARGIN * line.available >= wanted
        and line.pool != plan.pool
    ]
    if larger:
        best = min(larger, key=lambda line: (line.available or 0.0, line.pool))
        yield f"hardware.pool {best.pool} ({best.available:.1f} GiB per GPU)"
