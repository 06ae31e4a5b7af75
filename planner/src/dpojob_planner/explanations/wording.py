"""Phrases shared by the planner's sentences. Every figure in them was computed elsewhere."""

from __future__ import annotations

from dpojob_planner.candidates import Candidate
from dpojob_planner.pools import PoolState


def count_gpus(count: int) -> str:
    """Write a number of GPUs.

    Args:
        count: At least 1.

    Returns:
        "one GPU" or "4 GPUs".
    """
    return "one GPU" if count == 1 else f"{count} GPUs"


def describe_band(pool: PoolState) -> str:
    """Write the model sizes a pool is the first choice for.

    Args:
        pool: The pool.

    Returns:
        A phrase such as "models of 3B to 7B".
    """
    size = pool.spec.model_size
    if size is None:
        return "models of any size"
    if size.max is None:
        return f"models of {size.min} and more"
    return f"models of {size.min} to {size.max}" if size.min != "0" else f"models below {size.max}"


def describe_candidate(candidate: Candidate) -> str:
    """Write a candidate's method and batch.

    Args:
        candidate: The candidate.

    Returns:
        A phrase such as "LoRA with 4 pairs per GPU and 2 accumulation steps".
    """
    settings, option = candidate.option.settings, candidate.option
    batch = f"{settings.pairs} pair{'s' * (settings.pairs > 1)} per GPU"
    if option.accumulation > 1:
        batch += f" and {option.accumulation} accumulation steps"
    return f"{option.strategy} with {batch}"


def with_article(noun: str) -> str:
    """Put "a" or "an" before the name of a GPU, by how its first letter or digit is spoken.

    Args:
        noun: A name such as A10G or T4.

    Returns:
        `an A10G`, `a T4`, `an H100`, `an L4`.
    """
    return f"an {noun}" if noun[:1].upper() in "AEFHILMNORSX8" else f"a {noun}"


def capitalize(text: str) -> str:
    """Make the first letter of a clause a capital and leave the others as they are.

    Args:
        text: A clause, possibly empty.

    Returns:
        The same text as the beginning of a sentence.
    """
    return text[:1].upper() + text[1:]
