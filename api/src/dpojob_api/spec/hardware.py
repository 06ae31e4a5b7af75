"""spec.hardware and spec.budget: where to train, and the limits on cost and time."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from dpojob_api.base import StrictModel
from dpojob_api.quantity import DURATION_PATTERN, MONEY_PATTERN

from .fields import Name, validations


class Hardware(
    StrictModel,
    json_schema_extra=validations(
        {
            "rule": "!has(self.gpus) || self.gpus % self.nodes == 0",
            "message": "gpus must be a multiple of nodes: every node gets the same number",
        }
    ),
):
    """Where to train. Absent: chosen by model size and fit."""

    pool: Name | None = Field(
        default=None,
        description="A GPUPool to use: obeyed, or refused with numbers. Default: chosen.",
    )
    gpus: int | None = Field(
        default=None, ge=1, le=64, description="GPUs over all nodes. Default: the fewest that fit."
    )
    nodes: int = Field(default=1, ge=1, le=16, description="Nodes to spread over. Default: 1.")
    when_full: Literal["Wait", "NextPool"] = Field(
        default="Wait",
        description="When the first choice has no free GPU: wait for it, or take a dearer pool that "
        "has one. Default: Wait.",
    )


class Budget(StrictModel):
    """Limits checked before training and during it."""

    max_cost: Annotated[str, Field(max_length=32, pattern=MONEY_PATTERN)] | None = Field(
        default=None, description='Most to spend, in the installation\'s currency, such as "20.00".'
    )
    max_duration: (
        Annotated[str, Field(min_length=2, max_length=32, pattern=DURATION_PATTERN)] | None
    ) = Field(default=None, description="Longest training time, such as 6h or 1h30m.")
