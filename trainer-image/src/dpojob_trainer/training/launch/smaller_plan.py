"""The plan after an out-of-memory: less at a time, and the same pairs in each optimizer step."""

from __future__ import annotations

from dpojob_api.conditions import Reason
from dpojob_api.plan import Plan
from dpojob_api.progress import Stage

STAGES: tuple[Stage, ...] = ("PrecomputingReference", "Training", "Evaluating")
"""The stages in which memory depends on the batch."""


def halve_batch(plan: Plan) -> Plan | None:
    """The plan with at most half of the pairs per GPU, and as many pairs in an optimizer step.

    Args:
        plan: The plan that needs too much memory.

    Returns:
        None where a single pair is processed at a time.
    """
    size = plan.per_device_batch_size
    if size == 1:
        return None
    smaller = next(part for part in range(size // 2, 0, -1) if size % part == 0)
    return plan.model_copy(
        update={
            "per_device_batch_size": smaller,
            "gradient_accumulation": plan.gradient_accumulation * (size // smaller),
        }
    )


def smaller_batch_helps(reason: str, stage: Stage) -> bool:
    """Whether a run would get further with a smaller batch.

    Args:
        reason: Why it failed.
        stage: In which stage.
    """
    return reason == Reason.OUT_OF_MEMORY and stage in STAGES


def describe_smaller_batch(
    plan: Plan, smaller: Plan, step: int | None, checkpoint_step: int | None
) -> str:
    """The notice in the progress: what happened, and how training goes on.

    Args:
        plan: The plan that needs too much memory.
        smaller: The plan of the further training.
        step: Steps done when memory ran out; None where it is not known.
        checkpoint_step: Of the checkpoint that training goes on from; None without one.
    """
    at = "" if step is None else f" at step {step}"
    since = f"the checkpoint of step {checkpoint_step}" if checkpoint_step else "the beginning"
    return (
        f"Out of memory{at} with {plan.per_device_batch_size} pairs per GPU at a time. "
        f"Training went on from {since} with "
        f"{smaller.per_device_batch_size}, and accumulates {smaller.gradient_accumulation} times, so that "
        "optimizer steps have the same pairs."
    )
