"""The curve in the log of a training pod, which has every record of the attempt from its first step.

TRL's trainer prints each record as `{'loss': '0.6931', 'rewards/margins': '0.012', ..., 'epoch': '0.01'}`,
by epoch and without the step.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from dpojob_api.base import JSONObject
from dpojob_api.job import DPOJob
from dpojob_api.progress import PROGRESS_FIELDS

from .curves import Curve

MAX_LINE = 8192
"""Bytes; a longer line is no record."""
MAX_EPOCH = 1000.0
MICRO = 1_000_000
"""Curves of logs are keyed by millionths of an epoch until the steps of an epoch are known."""
INDEX_LABEL = "batch.kubernetes.io/job-completion-index"
_ENTRY = re.compile(rb"'([a-z_/]{1,40})': '?(-?[0-9][0-9.e+-]{0,30})'?(?=[,}])")


def read_record(line: bytes) -> tuple[float, dict[str, float]] | None:
    """Reads a line of the log.

    Args:
        line: Any bytes; the pod is the job owner's, and may print anything.

    Returns:
        The epoch and the figures by series; None where the line is no record.
    """
    if not line.startswith(b"{'") or not line.endswith(b"}") or len(line) > MAX_LINE:
        return None
    found: dict[str, float] = {}
    for name, text in _ENTRY.findall(line):
        try:
            found[name.decode()] = float(text)
        except ValueError:
            return None
    epoch = found.pop("epoch", 0.0)
    figures = {
        PROGRESS_FIELDS[name]: value for name, value in found.items() if name in PROGRESS_FIELDS
    }
    return (epoch, figures) if figures and 0 < epoch <= MAX_EPOCH else None


def add_line(curve: Curve, line: bytes) -> bool:
    """Adds a line of the log to a curve.

    Args:
        curve: A curve by millionths of an epoch.
        line: The line.

    Returns:
        Whether the curve changed.
    """
    record = read_record(line)
    return record is not None and curve.add(max(1, round(record[0] * MICRO)), record[1])


def steps_per_epoch(job: DPOJob) -> float | None:
    """Computes the optimizer steps of an epoch.

    Args:
        job: The job.

    Returns:
        By the newest progress, else by its last step or that of the plan; None where none is known.
    """
    progress, plan = job.status.progress, job.status.plan
    if progress is not None and progress.step > 0 and progress.epoch > 0:
        return progress.step / progress.epoch
    steps = 0 if progress is None else progress.max_steps
    if not steps and plan is not None:
        steps = plan.estimate.steps
    return steps / job.spec.training.epochs if steps else None


def with_log(seen: Curve, logged: Curve, rate: float) -> Curve:
    """Joins the curve that the status showed with that of the log.

    Args:
        seen: By step.
        logged: By millionths of an epoch.
        rate: Steps of an epoch.

    Returns:
        The log's points, after those that the status showed of earlier attempts.
    """
    joined = Curve()
    for at, figures in logged.points():
        joined.add(max(1, round(at / MICRO * rate)), figures)
    first = min((step for step, _ in joined.points()), default=math.inf)
    for step, figures in seen.points():
        if step < first:
            joined.add(step, figures)
    return joined


def first_process_pod(pods: Sequence[JSONObject]) -> str | None:
    """Chooses the pod whose log has the records.

    Args:
        pods: The training pods of a job.

    Returns:
        Name of the newest pod that runs or ran the first process; None where there is none.
    """
    started = [
        pod
        for pod in pods
        if pod.get("status", {}).get("phase") in ("Running", "Succeeded", "Failed")
        and (pod["metadata"].get("labels") or {}).get(INDEX_LABEL, "0") == "0"
    ]
    newest = max(
        started, key=lambda pod: str(pod["metadata"].get("creationTimestamp")), default=None
    )
    return None if newest is None else str(newest["metadata"]["name"])
