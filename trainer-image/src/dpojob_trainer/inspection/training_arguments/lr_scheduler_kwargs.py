"""Checks `lr_scheduler_kwargs` against the parameters of the learning rate schedule."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dpojob_api.spelling import nearest

ONE_OF = ("min_lr", "min_lr_rate")
"""Schedules that end at a minimum learning rate take exactly one of these."""


def find_invalid_lr_scheduler_kwargs(
    arguments: Mapping[str, Any], schedules: Mapping[str, Any]
) -> list[str]:
    """Find invalid options of the learning rate schedule.

    Args:
        arguments: `training.arguments` of the spec.
        schedules: For each schedule its parameters (`takes`) and the required ones (`needs`).

    Returns:
        The problems, as clauses of a message.
    """
    name = arguments.get("lr_scheduler_type", "linear")
    options = arguments.get("lr_scheduler_kwargs") or {}
    takes, needs = schedules[name]["takes"], schedules[name]["needs"]
    problems = []
    for option in options:
        if option not in takes:
            suggestion = nearest(option, takes)
            problems.append(
                f"lr_scheduler_type {name} takes no {option}"
                + (f"; did you mean {suggestion}?" if suggestion else "")
                + (f" (it takes {', '.join(takes)})" if takes else " and nothing else either")
            )
    for option in needs:
        if option not in options:
            problems.append(
                f"lr_scheduler_type {name} needs lr_scheduler_kwargs: {{{option}: ...}}"
            )
    if set(ONE_OF) <= set(takes) and sum(options.get(option) is not None for option in ONE_OF) != 1:
        problems.append(
            f"lr_scheduler_type {name} needs lr_scheduler_kwargs with one of {' and '.join(ONE_OF)}, such "
            "as {min_lr_rate: 0.1}"
        )
    return problems
