"""All jobs: their lines, what they cost by namespace and by pool, and who waits for what."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal

from dpojob.page.job_store import UnreadableJob
from dpojob_api.base import JSONObject
from dpojob_api.job import DPOJob
from dpojob_api.pool import GPUPool
from dpojob_api.quantity import money

from .job_row import is_running, job_pool, job_row, pool_costs
from .waiting import waits_for

_Costs = dict[tuple[str, str], Decimal]
"""Amounts by name and currency."""


def overview(
    jobs: Iterable[DPOJob | UnreadableJob],
    pools: Mapping[str, GPUPool],
    problems: Iterable[str] = (),
) -> JSONObject:
    """Arranges all jobs that the user may see.

    Args:
        jobs: The jobs.
        pools: The pools, by name; none where the user may not see them.
        problems: What could not be read, and why.

    Returns:
        "jobs", newest first; "costs" with "namespaces" and "pools"; "waiting"; "pools"; "problems".
    """
    known = list(jobs)
    readable = [job for job in known if isinstance(job, DPOJob)]
    rows = sorted((job_row(job) for job in known), key=lambda row: str(row["key"]))
    rows.sort(key=lambda row: str(row["created"] or ""), reverse=True)
    return {
        "jobs": rows,
        "costs": {"namespaces": _by_namespace(readable), "pools": _by_pool(readable)},
        "waiting": _waiting(readable),
        "pools": [_pool(pool, readable) for _, pool in sorted(pools.items())],
        "problems": list(problems),
    }


def _by_namespace(jobs: list[DPOJob]) -> list[JSONObject]:
    costs: _Costs = {}
    for job in jobs:
        if job.status.cost is not None:
            key = (job.namespace, job.status.cost.currency)
            costs[key] = costs.get(key, Decimal(0)) + job.status.cost.so_far
    return _sorted(costs)


def _by_pool(jobs: list[DPOJob]) -> list[JSONObject]:
    costs: _Costs = {}
    for job in jobs:
        if job.status.cost is not None:
            for pool, amount in pool_costs(job).items():
                key = (pool, job.status.cost.currency)
                costs[key] = costs.get(key, Decimal(0)) + amount
    return _sorted(costs)


def _sorted(costs: _Costs) -> list[JSONObject]:
    """The dearest first."""
    ordered = sorted(costs.items(), key=lambda item: (-item[1], item[0]))
    return [
        {"name": name, "currency": currency, "cost": money(amount)}
        for (name, currency), amount in ordered
    ]


def _waiting(jobs: list[DPOJob]) -> list[JSONObject]:
    """Jobs that wait, the longest-waiting first, with the jobs that hold the pool they wait for."""
    holders: dict[str, list[str]] = {}
    for job in jobs:
        if job.status.phase == "Training" and (pool := job_pool(job)):
            holders.setdefault(pool, []).append(f"{job.namespace}/{job.name}")
    found = []
    for job in sorted(jobs, key=lambda job: str(job.metadata.get("creationTimestamp", ""))):
        if (wait := waits_for(job)) is None:
            continue
        held_by = sorted(holders.get(wait["name"], [])) if wait["kind"] == "pool" else []
        key = f"{job.namespace}/{job.name}"
        found.append({"key": key, "phase": job.status.phase, **wait, "heldBy": held_by})
    return found


def _pool(pool: GPUPool, jobs: list[DPOJob]) -> JSONObject:
    status = pool.status
    mine = [job for job in jobs if job_pool(job) == pool.name and is_running(job)]
    return {
        "name": pool.name,
        "gpu": pool.spec.gpu.model,
        "memoryGiB": pool.spec.gpu.memory_gib,
        "hourlyPrice": pool.spec.hourly_price,
        "gpus": None if status is None else status.gpus,
        "free": None if status is None else status.free,
        "training": sum(job.status.phase == "Training" for job in mine),
        "queued": sum(job.status.phase == "Queued" for job in mine),
    }
