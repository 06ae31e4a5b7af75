"""The line of a job: its owner, progress, figures and cost."""

from __future__ import annotations

from decimal import Decimal

from dpojob.page.job_store import UnreadableJob
from dpojob_api.base import JSONObject
from dpojob_api.conditions import ConditionType
from dpojob_api.job import DPOJob
from dpojob_api.quantity import money
from dpojob_api.status_condition import Condition

from .waiting import waits_for


def job_row(job: DPOJob | UnreadableJob) -> JSONObject:
    """Summarizes a job.

    Args:
        job: The job.

    Returns:
        Its identity, phase and reason, progress, newest figures, cost and times; figures that are not
        known are None. For a job that cannot be read, its identity and problem.
    """
    metadata = job.metadata
    row: JSONObject = {
        "key": f"{metadata.get('namespace', '')}/{metadata.get('name', '')}",
        "namespace": str(metadata.get("namespace", "")),
        "name": str(metadata.get("name", "")),
        "created": metadata.get("creationTimestamp"),
    }
    if isinstance(job, UnreadableJob):
        return row | {
            "phase": "Unreadable", "reason": "Unreadable",
            "message": f"this version of dpojob cannot read it: {job.problem}",
        }  # fmt: skip
    status, progress = job.status, job.status.progress
    explained = explanation(job)
    row |= {
        "phase": status.phase,
        "reason": "" if explained is None else explained.reason,
        "message": "" if explained is None else explained.message,
        "model": (status.display.model if status.display else None) or model_name(job),
        "dataset": dataset_name(job),
        "pool": job_pool(job),
        "method": None if status.plan is None else status.plan.method,
        "finished": None if status.completion_time is None else status.completion_time.isoformat(),
        "waitsFor": waits_for(job),
        "cost": None if status.cost is None else money(status.cost.so_far),
        "currency": "" if status.cost is None else status.cost.currency,
        "step": None, "maxSteps": None, "percent": None,
        "healthy": True if progress is None else progress.health.healthy,
    }  # fmt: skip
    if progress is not None:
        row |= {
            "stage": progress.stage, "loss": progress.loss, "margin": progress.margin,
            "accuracy": progress.accuracy, "evalLoss": progress.eval_loss,
            "evalMargin": progress.eval_margin, "evalAccuracy": progress.eval_accuracy,
            "etaSeconds": progress.eta_seconds if is_running(job) else None,
        }  # fmt: skip
        if progress.max_steps:
            row |= {
                "step": progress.step, "maxSteps": progress.max_steps, "percent": progress.percent
            }  # fmt: skip
    return row


def is_running(job: DPOJob) -> bool:
    """Tells whether a job has not finished.

    Args:
        job: The job.

    Returns:
        Whether neither Complete nor Failed is true.
    """
    finished = (ConditionType.COMPLETE, ConditionType.FAILED)
    return not any(job.status.is_true(kind) for kind in finished)


def explanation(job: DPOJob) -> Condition | None:
    """Finds the condition that explains where a job is.

    Args:
        job: The job.

    Returns:
        The terminal condition of a finished job, else Ready; None where there is none yet.
    """
    for kind in (ConditionType.FAILED, ConditionType.COMPLETE):
        if job.status.is_true(kind):
            return job.status.condition(kind)
    return job.status.condition(ConditionType.READY)


def model_name(job: DPOJob) -> str:
    """Names the model that a job tunes.

    Args:
        job: The job.

    Returns:
        A repository, a claim with a path, or the job whose output it is.
    """
    model = job.spec.model
    if model.volume is not None:
        return f"{model.volume.claim_name}:{model.volume.path or '/'}"
    if model.from_job is not None:
        return f"{model.from_job.kind} {model.from_job.name}"
    return model.repo or ""


def dataset_name(job: DPOJob) -> str:
    """Names the dataset of a job.

    Args:
        job: The job.

    Returns:
        A repository, a claim with a path, or the first address.
    """
    dataset = job.spec.dataset
    if dataset.volume is not None:
        return f"{dataset.volume.claim_name}:{dataset.volume.path or '/'}"
    return dataset.repo or (dataset.urls[0] if dataset.urls else "")


def job_pool(job: DPOJob) -> str | None:
    """Finds the pool of a job.

    Args:
        job: The job.

    Returns:
        That of its newest attempt, else of its plan, else the one that it names.
    """
    if job.status.attempts and job.status.attempts[-1].pool:
        return job.status.attempts[-1].pool
    return job.spec.hardware.pool if job.status.plan is None else job.status.plan.pool


def pool_costs(job: DPOJob) -> dict[str, Decimal]:
    """Divides a job's cost among the pools that its attempts ran on.

    Args:
        job: The job.

    Returns:
        GPU time used, times the price when the attempt began, by pool.
    """
    costs: dict[str, Decimal] = {}
    for attempt in job.status.attempts:
        hours = Decimal(str(attempt.gpu_seconds)) / 3600
        pool = attempt.pool or ""
        costs[pool] = costs.get(pool, Decimal(0)) + hours * attempt.hourly_price
    return costs
