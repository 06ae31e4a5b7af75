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
        description="The part of spent that was counted before countedSince. Default: 0.",
    )
    reserved: Decimal | None = Field(
        default=None,
        description="What it may still cost by its plan. Absent: it is not admitted, or it has ended.",
    )

    @property
    def counted(self) -> Decimal:
        """What it has cost since countedSince."""
        return self.spent - self.before

    @field_serializer("spent", "before", "reserved")
    def _exact(self, amount: Decimal | None) -> str | None:
        return None if amount is None else exact_amount(amount)


class EarlierSum(LenientModel):
    """What was spent before the jobs of the record were counted anew."""

    start: datetime = Field(description="From when on it was counted.")
    used: Decimal = Field(description="What was spent.")

    @field_serializer("used")
    def _exact(self, amount: Decimal) -> str:
        return exact_amount(amount)


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
    counted_since: datetime | None = Field(
        default=None,
        description="From when on deletedJobs and jobs count. Later than periodStart where the spec's period or the "
        "clock was changed within the period. Default: periodStart.",
    )
    deleted_jobs: Decimal = Field(
        default=Decimal(0),
        description="What was spent since countedSince by DPOJobs that no longer exist.",
    )
    jobs: list[CountedJob] = Field(
        default_factory=list, description="The DPOJobs that exist and count since countedSince."
    )
    earlier: list[EarlierSum] = Field(
        default_factory=list,
        description="Sums from before countedSince, the newest last, at most 62. Those that begin in the period are "
        "part of used, so that an edit of the spec's period or a step of the clock loses none.",
    )
    conditions: list[Condition] = Field(default_factory=list)

    @property
    def total_used(self) -> Decimal:
        """What was spent in this period, not rounded."""
        start = self.period_start
        earlier = (each.used for each in self.earlier if start is not None and each.start >= start)
        return sum(earlier, start=self.counted)

    @property
    def counted(self) -> Decimal:
        """What was spent since countedSince, not rounded."""
        return sum((job.counted for job in self.jobs), start=self.deleted_jobs)

    @property
    def total_reserved(self) -> Decimal:
        """What the admitted jobs may still cost, not rounded."""
        return sum((job.reserved or Decimal(0) for job in self.jobs), start=Decimal(0))

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


def exact_amount(amount: Decimal) -> str:
    """Write an amount without the zeros at its end.

    Args:
        amount: In the installation's currency.

    Returns:
        Text such as "12.345678" or "0".
    """
    text = f"{amount:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
