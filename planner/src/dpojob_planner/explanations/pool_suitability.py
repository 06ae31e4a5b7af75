"""Why each pool was chosen, fits, or does not fit: one sentence a pool, shown in the plan's table."""

from __future__ import annotations

from dpojob_api.plan import PoolSuitability
from dpojob_api.quantity import format_count
from dpojob_planner.candidates import Candidate, PlanningContext, PoolTrial
from dpojob_planner.estimates import MEMORY_MARGIN
from dpojob_planner.pools import PoolState

from .wording import capitalize, count_gpus, describe_band, describe_candidate


def smaller_band(context: PlanningContext, pool: PoolState) -> str:
    """Explain why a pool below the model's band was not tried.

    Args:
        context: The job.
        pool: A pool whose band lies below the model.

    Returns:
        Two sentences.
    """
    return (
        f"It is for {describe_band(pool)}; this one has {format_count(context.shape.parameters)} parameters. "
        f"hardware.pool: {pool.name} tries it all the same."
    )


def assess(
    context: PlanningContext, trial: PoolTrial, chosen: Candidate | None
) -> tuple[PoolSuitability, str]:
    """Tell whether a pool suits that was tried with at least one allowed strategy.

    Args:
        context: The job.
        trial: The pool's trial; its result has a best candidate.
        chosen: The candidate to train with; None for a refusal.

    Returns:
        Whether the pool suits, and the sentence that explains it.
    """
    result, pool = trial.result, trial.pool
    selected = result.selected
    if selected is not None:
        text = (
            f"{describe_candidate(selected)} needs {selected.memory.total_gib:.1f} of "
            f"{selected.available_gib:.1f} GiB"
        )
        if chosen is not None and selected is chosen:
            return "chosen", f"{capitalize(text)}."
        if not pool.has_room(selected.option.gpus):
            return "noRoom", f"{capitalize(text)}, and {pool.free} of its GPUs are free now."
        return "fits", f"{capitalize(text)}; it comes later in the order of trying."
    if result.over_budget is not None:
        return (
            "overBudget",
            f"{capitalize(describe_candidate(result.over_budget))} "
            f"{context.budget_excess(result.over_budget)}.",
        )
    least = result.smallest
    assert least is not None
    return "tooSmall", (
        f"Even {describe_candidate(least)} needs {least.memory.total_gib:.1f} GiB on "
        f"{count_gpus(trial.gpus)}, and a GPU offers {least.available_gib:.1f}, of which "
        f"{MEMORY_MARGIN:.0%} stay free."
    )
