"""One job: its line, curves, validity of the dataset, plan and memory, cost, samples, evaluation and events."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from dpojob.page.job_store import UnreadableJob
from dpojob_api.base import JSONObject
from dpojob_api.conditions import ConditionType
from dpojob_api.job import DPOJob
from dpojob_api.quantity import money

from .job_row import job_row

Columns = Mapping[str, list[float | None]]
"""A curve: "step", and a column for each series."""


def job_details(
    job: DPOJob | UnreadableJob, curve: Columns, curve_source: str, events: Iterable[JSONObject]
) -> JSONObject:
    """Arranges everything that is known about a job.

    Args:
        job: The job.
        curve: Its curve.
        curve_source: A sentence on where the curve is from.
        events: core/v1 Events about it.

    Returns:
        "row", "curve", "curveSource", "dataset", "plan", "cost", "samples", "evaluation",
        "conditions", "attempts", "artifacts" and "events", newest first; None for what is not known.
    """
    found: JSONObject = {
        "row": job_row(job),
        "curve": dict(curve),
        "curveSource": curve_source,
        "events": _events(events),
    }
    if isinstance(job, UnreadableJob):
        return found
    status = job.status
    artifacts = status.artifacts
    return found | {
        "dataset": _dataset(job),
        "plan": _plan(job),
        "cost": _cost(job),
        "samples": [sample.wire() for sample in status.samples],
        "evaluation": None if status.evaluation is None else status.evaluation.wire(),
        "notice": None if status.progress is None else status.progress.notice,
        "conditions": [
            {
                "type": condition.type, "status": condition.status, "reason": condition.reason,
                "message": condition.message,
                "since": _time(condition.last_transition_time),
            }
            for condition in status.conditions
        ],
        "attempts": [
            {
                "number": attempt.number, "pool": attempt.pool, "gpus": attempt.gpus,
                "outcome": attempt.outcome, "start": _time(attempt.start_time),
                "end": _time(attempt.end_time), "firstStep": attempt.first_step,
                "lastStep": attempt.last_step,
            }
            for attempt in status.attempts
        ],
        "artifacts": None if artifacts is None else artifacts.wire(),
    }  # fmt: skip


def _dataset(job: DPOJob) -> JSONObject | None:
    data, validity = job.status.dataset, job.status.condition(ConditionType.DATASET_VALID)
    if data is None and validity is None:
        return None
    found: JSONObject = {
        "status": "Unknown" if validity is None else validity.status,
        "reason": "" if validity is None else validity.reason,
        "message": "" if validity is None else validity.message,
    }
    if data is None:
        return found
    return found | {
        "rows": data.rows, "trainRows": data.train_rows, "evalRows": data.eval_rows,
        "droppedRows": data.dropped_rows, "format": data.format, "preset": data.preset,
        "mapping": data.mapping.wire(), "source": data.source, "revision": data.revision,
        "problems": [
            {
                "code": problem.code, "severity": problem.severity, "rows": problem.rows,
                "message": problem.message,
            }
            for problem in data.problems
        ],
        "suspects": [{"kind": group.kind, "rows": group.rows} for group in data.suspects],
        "lengths": None if data.lengths is None else data.lengths.wire(),
        "quality": None if data.quality is None else data.quality.wire(),
    }  # fmt: skip


def _plan(job: DPOJob) -> JSONObject | None:
    plan, progress = job.status.plan, job.status.progress
    if plan is None:
        return None
    return {
        "pool": plan.pool, "gpuModel": plan.gpu_model, "gpus": plan.gpus, "nodes": plan.nodes,
        "method": plan.method, "precision": plan.precision, "optimizer": plan.optimizer,
        "batch": f"{plan.per_device_batch_size} x {plan.gradient_accumulation} x {plan.gpus}",
        "maxLength": plan.max_length,
        "hours": plan.estimate.hours, "cost": money(plan.estimate.cost),
        "memory": {
            "needed": plan.memory_gib.needed, "available": plan.memory_gib.available,
            "margin": plan.memory_gib.margin, "parts": dict(sorted(plan.memory_gib.parts.items(), key=lambda part: -part[1])),
            "measured": None if progress is None else progress.peak_reserved_gib,
        },
        "reasons": plan.reasons,
        "considered": [
            {
                "pool": other.pool, "verdict": other.verdict, "reason": other.reason,
                "cost": None if other.cost is None else money(other.cost),
            }
            for other in plan.considered
        ],
    }  # fmt: skip


def _cost(job: DPOJob) -> JSONObject | None:
    cost, budget = job.status.cost, job.spec.budget
    if cost is None and budget.max_cost is None and budget.max_duration is None:
        return None
    return {
        "soFar": money(Decimal(0) if cost is None else cost.so_far),
        "estimate": None if cost is None or cost.estimate is None else money(cost.estimate),
        "currency": "" if cost is None else cost.currency,
        "maxCost": budget.max_cost,
        "maxDuration": budget.max_duration,
    }


def _events(events: Iterable[JSONObject]) -> list[JSONObject]:
    found = [
        {
            "time": event.get("lastTimestamp") or event.get("eventTime")
            or (event.get("metadata") or {}).get("creationTimestamp"),
            "type": str(event.get("type", "")),
            "reason": str(event.get("reason", "")),
            "message": str(event.get("message", "")),
            "count": event.get("count") if isinstance(event.get("count"), int) else 1,
        }
        for event in events
    ]  # fmt: skip
    return sorted(found, key=lambda event: str(event["time"] or ""), reverse=True)


def _time(moment: Any) -> str | None:
    return None if moment is None else str(moment.isoformat())
