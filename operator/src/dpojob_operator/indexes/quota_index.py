"""A CostQuota with its sums and its entries by UID, so that each of its jobs is looked up without the others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dpojob_api.cost_quota import CostQuota
from dpojob_operator.decide import QuotaSnapshot
from dpojob_operator.kube import UnreadableObject, parse_or_explain


class QuotaIndex:
    """A CostQuota as it was read; it is not changed afterwards."""

    def __init__(self, quota: CostQuota) -> None:
        self.quota = quota
        self._used, self._reserved = quota.status.total_used, quota.status.total_reserved
        self._entries = {entry.uid: entry for entry in quota.status.jobs}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, QuotaIndex) and other.quota == self.quota

    def __hash__(self) -> int:
        return hash(self.quota.name)

    def of_job(self, uid: str) -> QuotaSnapshot:
        """Returns what a decision about the DPOJob with that UID reads of the quota."""
        status = self.quota.status
        return QuotaSnapshot(
            name=self.quota.name,
            period=self.quota.spec.period,
            max_cost=self.quota.max_cost,
            used=self._used,
            reserved=self._reserved,
            counted_since=status.counted_since or status.period_start,
            period_end=status.period_end,
            entry=self._entries.get(uid),
        )


def read_quota(raw: Mapping[str, Any]) -> QuotaIndex | UnreadableObject:
    """Reads a CostQuota."""
    quota = parse_or_explain(CostQuota, raw)
    return quota if isinstance(quota, UnreadableObject) else QuotaIndex(quota)
