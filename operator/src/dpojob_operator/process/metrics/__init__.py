"""Prometheus metrics of the operator's work, of the jobs and pools that it sees, and of each running job.

Names follow Prometheus' conventions: base units, the unit as suffix, `_total` for counters. Labels have few
values: reasons, codes and phases are those of the API, namespaces and pools those of the cluster. Only running
jobs have series of their own, which end with them. docs/operate.md describes each metric.
"""

from .cluster_state import COST_QUOTAS, JOBS, LEADERSHIP, POOLS, PoolFigures, QuotaFigures
from .counters import (
    API_REQUESTS,
    ATTEMPTS,
    BUILD,
    COST,
    CREATED,
    DROPPED_EVENTS,
    EVALUATIONS,
    FAILING,
    FINISHED,
    GPU_SECONDS,
    INSPECTION_SECONDS,
    INSPECTIONS,
    JUDGE_TOKENS,
    PROBLEMS,
    QUEUE_WAIT_SECONDS,
    RECONCILE_SECONDS,
    RECONCILES,
    STATUS_WRITES,
    UNHEALTHY,
    WIN_RATE,
    WORK_QUEUE_DEPTH,
    known_reason,
)
from .running_jobs import RUNNING

__all__ = [
    "API_REQUESTS",
    "ATTEMPTS",
    "BUILD",
    "COST",
    "COST_QUOTAS",
    "CREATED",
    "DROPPED_EVENTS",
    "EVALUATIONS",
    "FAILING",
    "FINISHED",
    "GPU_SECONDS",
    "INSPECTIONS",
    "INSPECTION_SECONDS",
    "JOBS",
    "JUDGE_TOKENS",
    "LEADERSHIP",
    "POOLS",
    "PROBLEMS",
    "QUEUE_WAIT_SECONDS",
    "RECONCILES",
    "RECONCILE_SECONDS",
    "RUNNING",
    "STATUS_WRITES",
    "UNHEALTHY",
    "WIN_RATE",
    "WORK_QUEUE_DEPTH",
    "PoolFigures",
    "QuotaFigures",
    "counters",
    "known_reason",
]
