"""Two or more jobs beside each other: their curves, the settings that differ, and their results."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

from dpojob_api.base import JSONObject
from dpojob_api.job import DPOJob
from dpojob_api.quantity import money

from .job_details import Columns
from .job_row import job_row

Better = Literal["lower", "higher"]
_RESULTS: tuple[tuple[str, Better, Callable[[DPOJob], float | None]], ...] = (
    ("evaluation loss", "lower", lambda job: _figure(job, "eval_loss")),
    ("evaluation accuracy", "higher", lambda job: _figure(job, "eval_accuracy")),
    ("evaluation margin", "higher", lambda job: _figure(job, "eval_margin")),
    ("training loss", "lower", lambda job: _figure(job, "loss")),
    ("win rate", "higher", lambda job: _win_rate(job)),
    ("cost", "lower", lambda job: None if job.status.cost is None else float(money(job.status.cost.so_far))),
)  # fmt: skip
"""What is compared, which value is the better one, and where it is."""
_PLANNED = (
    "pool", "gpus", "nodes", "method", "precision", "optimizer", "per_device_batch_size",
    "gradient_accumulation", "prefix_sharing", "precompute_reference", "gradient_checkpointing",
    "max_length",
)  # fmt: skip


def comparison(jobs: Sequence[tuple[DPOJob, Columns]], missing: Sequence[str] = ()) -> JSONObject:
    """Compares jobs.

    Args:
        jobs: The jobs with their curves, in the order in which they are shown.
        missing: Jobs that were asked for and cannot be shown.

    Returns:
        "jobs" with "row" and "curve"; "settings" with "path" and a value for each job, only those that
        differ; "results" with "name", a value for each job and the index of the "best"; "missing".
    """
    found = [job for job, _ in jobs]
    return {
        "jobs": [{"row": job_row(job), "curve": dict(curve)} for job, curve in jobs],
        "settings": _differences([_settings(job) for job in found]),
        "results": [_result(name, better, found, read) for name, better, read in _RESULTS],
        "missing": list(missing),
    }


def _settings(job: DPOJob) -> dict[str, Any]:
    """The spec, and what was planned and read, as dotted paths to values."""
    settings = _flatten("spec", job.spec.wire())
    plan, dataset = job.status.plan, job.status.dataset
    if plan is not None:
        settings |= {f"plan.{name}": getattr(plan, name) for name in _PLANNED}
    if dataset is not None:
        settings |= {"dataset.trainRows": dataset.train_rows, "dataset.revision": dataset.revision}
    return settings


def _flatten(path: str, value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        return {path: value}
    found: dict[str, Any] = {}
    for name, inner in value.items():
        found |= _flatten(f"{path}.{name}", inner)
    return found


def _differences(settings: Sequence[dict[str, Any]]) -> list[JSONObject]:
    paths = sorted({path for each in settings for path in each})
    rows = [{"path": path, "values": [each.get(path) for each in settings]} for path in paths]
    return [row for row in rows if any(value != row["values"][0] for value in row["values"][1:])]


def _result(
    name: str, better: Better, jobs: Sequence[DPOJob], read: Callable[[DPOJob], float | None]
) -> JSONObject:
    values = [read(job) for job in jobs]
    known = [value for value in values if value is not None]
    best = None
    if len(known) > 1 and min(known) != max(known):
        best = values.index(min(known) if better == "lower" else max(known))
    return {"name": name, "values": values, "better": better, "best": best}


def _figure(job: DPOJob, name: str) -> float | None:
    progress = job.status.progress
    value: float | None = None if progress is None else getattr(progress, name)
    return value


def _win_rate(job: DPOJob) -> float | None:
    evaluation = job.status.evaluation
    if evaluation is None or evaluation.win_rate is None:
        return None
    return evaluation.win_rate.value
