"""Cache: where jobs keep what later jobs need not compute again."""

from __future__ import annotations

from pydantic import Field

from dpojob_api.base import StrictModel

from .fields import ClaimPath


class Cache(StrictModel):
    """What jobs of a namespace share: the reference's log-probabilities, by model and pair, and tokenised rows."""

    volume: ClaimPath = Field(
        description="Directory on a claim that training may write to. Several jobs may use it at once, on several "
        "nodes with ReadWriteMany; it holds at most 5 GiB, and may be emptied at any time."
    )
