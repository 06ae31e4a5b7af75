"""CostQuotas as a platform team applies them, and as a decision reads them."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from tests.kit.builders import UID

from dpojob_api.cost_quota import CostQuota, CountedJob
from dpojob_operator.decide import QuotaSnapshot
from dpojob_operator.indexes import QuotaIndex

START, END = datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC)


def costquota(name: str, max_cost: str, period: str = "Month") -> dict[str, Any]:
    return {
        "apiVersion": "dpojob.dev/v1alpha1",
        "kind": "CostQuota",
        "metadata": {"name": name},
        "spec": {"maxCost": max_cost, "period": period},
    }


def quota(max_cost: str, *jobs: CountedJob, name: str = "team", **status: Any) -> QuotaSnapshot:
    """A quota of November, as the decision about the job reads it."""
    status = {"periodStart": START, "periodEnd": END, "jobs": jobs, **status}
    written = {"metadata": {"name": name}, "spec": {"maxCost": max_cost}, "status": status}
    return QuotaIndex(CostQuota.model_validate(written)).of_job(UID)


def spent_by_others(amount: str) -> CountedJob:
    return CountedJob(uid="other", name="other", spent=Decimal(amount))
