"""`lr_scheduler_kwargs`: what the schedule that is named takes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dpojob_api.spelling import nearest

ONE_OF = ("min_lr", "min_lr_rate")
"""The schedules that end at a minimum take exactly one of these."""


def amiss(arguments: Mapping[str, Any], schedules: Mapping[str, Any]) -> list[str]:
    """What is wrong with them, as clauses. `schedules` has what each takes and what it needs."""
    name = arguments.get("lr_scheduler_type", "linear")
    options = arguments.get("lr_scheduler_kwargs") or {}
    takes, needs = schedules[name]["takes"], schedules[name]["needs"]
    found = []
    for option in options:
        if option not in takes:
            near = nearest(option, takes)
            found.append(
                f"lr_scheduler_type {name} takes no {option}"
                + (f"; did you mean {near}?" if near else "")
                + (f" (it takes {', '.join(takes)})" if takes else " and nothing else either")
            )
    for option in needs:
        if option not in options:
            found.append(f"lr_scheduler_type {name} needs lr_scheduler_kwargs: {{{option}: ...}}")
    if set(ONE_OF) <= set(takes) and sum(options.get(option) is not None for option in ONE_OF) != 1:
        found.append(
            f"lr_scheduler_type {name} needs lr_scheduler_kwargs with one of {' and '.join(ONE_OF)}, such "
            "as {min_lr_rate: 0.1}"
        )
    return found
