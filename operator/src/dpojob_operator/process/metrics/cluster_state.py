"""Gauges of the jobs, pools and quotas of cost as they were last read, computed at the moment of a scrape.

A replica that has not read them yet, such as the standby of two, has no series of them, so that an alert on
their age or value never looks at it.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from prometheus_client import REGISTRY
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector


@dataclass(frozen=True)
class PoolFigures:
    """What is known of one GPUPool."""

    name: str
    gpu_model: str
    nodes: int
    gpus: int
    free: int
    hourly_price: float
    ready: bool


class PoolGauges(Collector):
    """The GPUPools as they were last counted."""

    FAMILIES: Mapping[str, tuple[str, Sequence[str]]] = {
        "dpojob_pool_nodes": ("Nodes that match a pool's selector.", ["pool"]),
        "dpojob_pool_gpus": ("GPUs of a pool's nodes.", ["pool", "gpu_model"]),
        "dpojob_pool_free_gpus": ("GPUs of a pool that no pod has asked for.", ["pool"]),
        "dpojob_pool_hourly_price": (
            "Price of one GPU of a pool for one hour, in the installation's currency.",
            ["pool"],
        ),
        "dpojob_pool_ready": ("1 while jobs can be planned on a pool, else 0.", ["pool"]),
    }

    def __init__(self) -> None:
        self._pools: Sequence[PoolFigures] = ()
        self._unreadable: Sequence[str] = ()

    def replace(self, pools: Sequence[PoolFigures], unreadable: Sequence[str]) -> None:
        """Takes the figures of all pools that can be read, and the names of the others."""
        self._pools, self._unreadable = pools, unreadable

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """One sample per pool and gauge; a pool that cannot be read has only the sample that it is not ready."""
        values = {
            "dpojob_pool_nodes": lambda pool: ([pool.name], pool.nodes),
            "dpojob_pool_gpus": lambda pool: ([pool.name, pool.gpu_model], pool.gpus),
            "dpojob_pool_free_gpus": lambda pool: ([pool.name], pool.free),
            "dpojob_pool_hourly_price": lambda pool: ([pool.name], pool.hourly_price),
            "dpojob_pool_ready": lambda pool: ([pool.name], pool.ready),
        }
        for name, (help_, labels) in self.FAMILIES.items():
            family = GaugeMetricFamily(name, help_, labels=labels)
            for pool in self._pools:
                found, value = values[name](pool)
                family.add_metric(found, float(value))
            if name == "dpojob_pool_ready":
                for unreadable in self._unreadable:
                    family.add_metric([unreadable], 0.0)
            yield family


@dataclass(frozen=True)
class QuotaFigures:
    """What is known of one CostQuota, in the installation's currency."""

    name: str
    limit: float
    used: float
    reserved: float
    ready = 1.0


class QuotaGauges(Collector):
    """The CostQuotas as they were last counted."""

    LABELS = ("namespace", "quota")
    FAMILIES: Mapping[str, tuple[str, Sequence[str]]] = {
        "dpojob_cost_quota_limit": (
            "Most that a CostQuota's period may cost, in the installation's currency.",
            LABELS,
        ),
        "dpojob_cost_quota_used": ("What was spent of a CostQuota in its period.", LABELS),
        "dpojob_cost_quota_reserved": (
            "What the jobs that a CostQuota admitted may still cost.",
            LABELS,
        ),
        "dpojob_cost_quota_ready": ("1 while a CostQuota can be read and is kept, else 0.", LABELS),
    }

    def __init__(self) -> None:
        self._quotas: dict[str, Sequence[QuotaFigures]] = {}
        self._unreadable: dict[str, Sequence[str]] = {}

    def replace(
        self, namespace: str, quotas: Sequence[QuotaFigures], unreadable: Sequence[str]
    ) -> None:
        """Takes the figures of a namespace's quotas that can be read, and the names of the others."""
        self._quotas.pop(namespace, None)
        self._unreadable.pop(namespace, None)
        if quotas:
            self._quotas[namespace] = quotas
        if unreadable:
            self._unreadable[namespace] = unreadable

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """One sample per quota and gauge; a quota that cannot be read has only the sample that it is not ready."""
        for name, (help_, labels) in self.FAMILIES.items():
            family = GaugeMetricFamily(name, help_, labels=labels)
            for namespace, quotas in self._quotas.items():
                for quota in quotas:
                    value = getattr(quota, name.rpartition("_")[2])
                    family.add_metric([namespace, quota.name], value)
            if name == "dpojob_cost_quota_ready":
                for namespace, unreadable in self._unreadable.items():
                    for quota_name in unreadable:
                        family.add_metric([namespace, quota_name], 0.0)
            yield family


class JobGauges(Collector):
    """The DPOJobs as they were last listed."""

    FAMILIES: Mapping[str, tuple[str, Sequence[str]]] = {
        "dpojob_jobs": ("DPOJobs, as of the last listing.", ["namespace", "phase"]),
        "dpojob_unfinished_jobs": (
            "DPOJobs that have not ended, by the reason of the condition Ready.",
            ["namespace", "reason"],
        ),
        "dpojob_last_resync_timestamp_seconds": ("When all DPOJobs were last listed.", []),
    }

    def __init__(self) -> None:
        self._phases: Mapping[tuple[str, str], int] = {}
        self._reasons: Mapping[tuple[str, str], int] = {}
        self._listed: float | None = None

    def replace(
        self, phases: Mapping[tuple[str, str], int], reasons: Mapping[tuple[str, str], int]
    ) -> None:
        """Takes the counts of a listing: by namespace and phase, and by namespace and Ready's reason."""
        self._phases, self._reasons, self._listed = phases, reasons, time.time()

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """Counts above zero, and the time of the listing once there was one."""
        counts = {"dpojob_jobs": self._phases, "dpojob_unfinished_jobs": self._reasons}
        for name, (help_, labels) in self.FAMILIES.items():
            family = GaugeMetricFamily(name, help_, labels=labels)
            for values, count in counts.get(name, {}).items():
                family.add_metric(values, float(count))
            if not labels and self._listed is not None:
                family.add_metric([], self._listed)
            yield family


class LeadershipGauge(Collector):
    """Whether this replica works; without leader election it always does."""

    FAMILIES: Mapping[str, tuple[str, Sequence[str]]] = {
        "dpojob_leader": ("1 on the replica that works, 0 on one that stands by.", [])
    }

    def __init__(self) -> None:
        self.leads = False

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """One sample."""
        ((name, (help_, _)),) = self.FAMILIES.items()
        yield GaugeMetricFamily(name, help_, value=float(self.leads))


POOLS, JOBS, COST_QUOTAS, LEADERSHIP = PoolGauges(), JobGauges(), QuotaGauges(), LeadershipGauge()
for _collector in (POOLS, JOBS, COST_QUOTAS, LEADERSHIP):
    REGISTRY.register(_collector)
