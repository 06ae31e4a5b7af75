"""CostQuota: what the DPOJobs of a namespace may cost in a day, a week or a month."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import Field, field_serializer

from .base import LenientModel, StrictModel
from .constants import API_VERSION
from .quantity import MONEY_PATTERN, money
from .status_condition import Condition

Period = Literal["Day", "Week", "Month"]


class CostQuotaSpec(StrictModel):
    """How much, and for how long."""

    max_cost: Annotated[str, Field(max_length=32, pattern=MONEY_PATTERN)] = Field(
        description="Most that all DPOJobs of the namespace may cost in one period, in the installation's "
        "currency. 0: nothing that has a price."
    )
    period: Period = Field(
        default="Month",
        description="Part of the calendar, in UTC, after which the sum begins anew; a week begins on Monday. "
        "Default: Month.",
    )


class CountedJob(LenientModel):
    """What is counted of one DPOJob that exists."""

    uid: str = Field(description="Of the DPOJob.")
    name: str = Field(description="Of the DPOJob.")
    spent: Decimal = Field(
        default=Decimal(0), description="What it has cost since it began, as of its last reading."
    )
    before: Decimal = Field(
        default=Decimal(0),
        description="The part of spent that earlier periods counted. Default: 0.",
    )
    reserved: Decimal | None = Field(
        default=None,
        description="What it may still cost by its plan. Absent: it is not admitted, or it has ended.",
    )

    @property
    def counted(self) -> Decimal:
        """What it has cost in this period."""
        return self.spent - self.before

    @field_serializer("spent", "before", "reserved")
    def _exact(self, amount: Decimal | None) -> str | None:
        return None if amount is None else exact_amount(amount)


class CostQuotaStatus(LenientModel):
    """The record of what was spent; the operator alone writes it."""

    observed_generation: int | None = Field(
        default=None,
        description="Generation of the spec that this status is about. Default: -1, until the operator has "
        "seen the object.",
    )
    period_start: datetime | None = Field(
        default=None, description="From when on costs are counted. Absent: not counted yet."
    )
    period_end: datetime | None = Field(
        default=None, description="When the period ends and the sum begins anew."
    )
    used: Decimal = Field(
        default=Decimal(0), description="What was spent in this period, to the cent."
    )
    reserved: Decimal = Field(
        default=Decimal(0),
        description="What the admitted jobs may still cost by their plans, to the cent.",
    )
    deleted_jobs: Decimal = Field(
        default=Decimal(0), description="The part of used of DPOJobs that no longer exist."
    )
    jobs: list[CountedJob] = Field(
        default_factory=list, description="The DPOJobs that exist and count in this period."
    )
    conditions: list[Condition] = Field(default_factory=list)

    @property
    def total_used(self) -> Decimal:
        """What was spent in this period, not rounded."""
        return sum((job.counted for job in self.jobs), start=self.deleted_jobs)

    @property
    def total_reserved(self) -> Decimal:
        """What the admitted jobs may still cost, not rounded."""
        return sum((job.reserved or Decimal(0) for job in self.jobs), start=Decimal(0))

    def job(self, uid: str) -> CountedJob | None:
        """Find what is counted of a DPOJob.

        Args:
            uid: Of the DPOJob.

        Returns:
            The entry; None when nothing of it is counted.
        """
        return next((job for job in self.jobs if job.uid == uid), None)

    @field_serializer("used", "reserved")
    def _cents(self, amount: Decimal) -> str:
        return money(amount)

    @field_serializer("deleted_jobs")
    def _exact(self, amount: Decimal) -> str:
        return exact_amount(amount)


class CostQuota(LenientModel):
    """A quota as the API server holds it."""

    api_version: str = API_VERSION
    kind: str = "CostQuota"
    metadata: dict[str, Any] = Field(default_factory=dict)
    spec: CostQuotaSpec
    status: CostQuotaStatus = Field(default_factory=CostQuotaStatus)

    @property
    def name(self) -> str:
        """metadata.name."""
        return str(self.metadata.get("name", ""))

    @property
    def max_cost(self) -> Decimal:
        """The limit, as a number."""
        return Decimal(self.spec.max_cost)

    @property
    def room(self) -> Decimal:
        """What is neither used nor reserved; negative when more is."""
        return self.max_cost - self.status.total_used - self.status.total_reserved


def exact_amount(amount: Decimal) -> str:
    """Write an amount without the zeros at its end.

    Args:
        amount: In the installation's currency.

    Returns:
        Text such as "12.345678" or "0".
    """
    text = f"{amount:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
