"""One condition in the status of a DPOJob, a GPUPool or a CostQuota."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from .base import LenientModel


class Condition(LenientModel):
    """One condition, as metav1.Condition has it."""

    type: Annotated[str, Field(max_length=316, description="Name of the condition.")]
    status: Literal["True", "False", "Unknown"] = Field(description="Whether it holds.")
    reason: str = Field(max_length=1024, description="A named constant; see docs/reasons.md.")
    message: str = Field(default="", max_length=32768, description="For people.")
    observed_generation: int | None = Field(
        default=None, description="The generation of the spec this was decided from."
    )
    last_transition_time: datetime | None = Field(
        default=None, description="When `status` last changed."
    )
