"""What one DPOJob costs, as CostQuotas count it: read from the object, without the rest of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum, auto
from typing import Any

from pydantic import Field, ValidationError

from dpojob_api.base import LenientModel
from dpojob_api.conditions import ConditionType
from dpojob_api.evaluation import Evaluation
from dpojob_api.job import Attempt, DPOJobStatus
from dpojob_api.plan import Plan
from dpojob_operator.decide.cost import judge_cost, total_cost

PRECISION = Decimal("0.000001")
"""Amounts are counted in whole multiples of it, so that sums of them are exact."""
MAX_AMOUNT = Decimal(10) ** 15
"""What a larger amount counts as; only a status that the operator did not write holds one."""


class QuotaDemand(Enum):
    """What a job asks of the quotas."""

    NOTHING = auto()
    """It has no plan, or its user suspends it, or it has no price."""
    ADMISSION = auto()
    """It has a plan, and its next attempt has not begun."""
    RESERVATION = auto()
    """An attempt has begun and not ended."""
    ENDED = auto()
    """It has finished: what it has cost is final."""
    UNKNOWN = auto()
    """This version cannot read it: what was counted of it stays."""


@dataclass(frozen=True, slots=True)
class AttemptCost:
    """One attempt of a job."""

    start: datetime | None
    end: datetime | None
    cost: Decimal


@dataclass(frozen=True, slots=True)
class JobCost:
    """One DPOJob as the quotas of its namespace see it."""

    uid: str
    name: str
    created: str
    """RFC 3339, by which jobs that wait for admission are ordered."""
    demand: QuotaDemand
    spent: Decimal = Decimal(0)
    """Since it began."""
    expected: Decimal = Decimal(0)
    """What it will have cost at its end, by its plan or by the rate of its steps."""
    attempts: tuple[AttemptCost, ...] = ()

    def spent_in_attempts_begun_before(self, time: datetime) -> Decimal:
        """Add up what attempts cost that began before a time.

        Args:
            time: The time, with its zone.

        Returns:
            The amount.
        """
        return self._sum(a.cost for a in self.attempts if a.start is not None and a.start < time)

    def spent_in_attempts_ended_before(self, time: datetime) -> Decimal:
        """Add up what attempts cost that ended before a time.

        Args:
            time: The time, with its zone.

        Returns:
            The amount.
        """
        return self._sum(a.cost for a in self.attempts if a.end is not None and a.end <= time)

    def _sum(self, costs: Iterable[Decimal]) -> Decimal:
        return min(self.spent, sum(costs, start=Decimal(0)))

    @property
    def expected_rest(self) -> Decimal:
        """What it may still cost."""
        return max(Decimal(0), self.expected - self.spent)


class _Estimate(LenientModel):
    cost: Decimal = Decimal(0)


class _Plan(LenientModel):
    hourly_price: Decimal = Decimal(0)
    estimate: _Estimate = Field(default_factory=_Estimate)


class _Cost(LenientModel):
    estimate: Decimal | None = None


class _Condition(LenientModel):
    type: str
    status: str


class _Spec(LenientModel):
    suspend: bool = False
    validate_only: bool = False


class _Status(LenientModel):
    attempts: list[Attempt] = Field(default_factory=list)
    plan: _Plan | None = None
    cost: _Cost | None = None
    evaluation: Evaluation | None = None
    conditions: list[_Condition] = Field(default_factory=list)


class _Job(LenientModel):
    spec: _Spec = Field(default_factory=_Spec)
    status: _Status = Field(default_factory=_Status)


def rounded(amount: Decimal) -> Decimal:
    """Round an amount as quotas count it.

    Args:
        amount: In the installation's currency.

    Returns:
        The nearest multiple of PRECISION, at least 0 and at most MAX_AMOUNT.
    """
    return max(Decimal(0), min(amount, MAX_AMOUNT)).quantize(PRECISION)


def spent_by(status: DPOJobStatus) -> Decimal:
    """Add up what a job has cost, as quotas count it.

    Args:
        status: Of the job.

    Returns:
        GPU time and the judge's tokens, rounded.
    """
    return rounded(total_cost(status.attempts) + judge_cost(status.evaluation))


def attempt_costs(attempts: Sequence[Attempt], spent: Decimal) -> tuple[AttemptCost, ...]:
    """Divide what a job has cost among its attempts.

    Args:
        attempts: All attempts of the job.
        spent: What it has cost in all, rounded.

    Returns:
        The attempts with their rounded costs; the rest, with the judge's tokens, is the last one's.
    """
    costs = [rounded(total_cost([a])) for a in attempts]
    if costs:
        costs[-1] = max(Decimal(0), spent - sum(costs[:-1], start=Decimal(0)))
    return tuple(
        AttemptCost(_aware(a.start_time), _aware(a.end_time), cost)
        for a, cost in zip(attempts, costs, strict=True)
    )


def planned_rest(plan: Plan, status: DPOJobStatus) -> Decimal:
    """Compute what a job may still cost by its plan, which a quota reserves before its next attempt.

    Args:
        plan: Of that attempt.
        status: With the attempts before.

    Returns:
        The estimate without what was spent, rounded.
    """
    return max(Decimal(0), rounded(plan.estimate.cost) - spent_by(status))


def has_price(plan: Plan | _Plan) -> bool:
    """Tell whether a plan costs anything.

    Args:
        plan: The plan.

    Returns:
        Whether its GPUs or its judge have a price.
    """
    return plan.hourly_price > 0 or plan.estimate.cost > 0


def read_job_cost(raw: Mapping[str, Any]) -> JobCost:
    """Read what quotas count of a DPOJob.

    Args:
        raw: The object, with its whole metadata.

    Returns:
        Its cost; with `QuotaDemand.UNKNOWN` when it cannot be read.
    """
    metadata = raw["metadata"]
    uid, name = str(metadata["uid"]), str(metadata["name"])
    created = str(metadata.get("creationTimestamp") or "")
    try:
        job = _Job.model_validate({part: raw.get(part) or {} for part in ("spec", "status")})
        return _job_cost(job, uid, name, created, deleting="deletionTimestamp" in metadata)
    except (ValidationError, ArithmeticError):
        return JobCost(uid, name, created, QuotaDemand.UNKNOWN)


def _job_cost(job: _Job, uid: str, name: str, created: str, *, deleting: bool) -> JobCost:
    status, demand = job.status, _demand(job, deleting=deleting)
    spent = rounded(total_cost(status.attempts) + judge_cost(status.evaluation))
    expected = status.plan.estimate.cost if status.plan is not None else Decimal(0)
    if (
        demand is QuotaDemand.RESERVATION
        and status.cost is not None
        and status.cost.estimate is not None
    ):
        expected = status.cost.estimate
    return JobCost(
        uid, name, created, demand, spent, rounded(expected), attempt_costs(status.attempts, spent)
    )


def _aware(time: datetime | None) -> datetime | None:
    """The time with its zone; one that another program wrote may lack it."""
    return time.replace(tzinfo=UTC) if time is not None and time.tzinfo is None else time


def _demand(job: _Job, *, deleting: bool) -> QuotaDemand:
    status = job.status
    finished = {c.type: c.status for c in status.conditions}.get(ConditionType.FINISHED)
    if finished == "True":
        return QuotaDemand.ENDED
    if status.attempts and status.attempts[-1].end_time is None:
        return QuotaDemand.RESERVATION
    if status.plan is None or deleting or job.spec.suspend or job.spec.validate_only:
        return QuotaDemand.NOTHING
    return QuotaDemand.ADMISSION if has_price(status.plan) else QuotaDemand.NOTHING
