"""Views of a job on a cluster: one line, or progress, facts, conditions and samples.

They show the object as the API server sends it, or as `wire` makes it, because the models of the API take longer to
import than a cluster to answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from dpojob.cluster.job_facts import job_phase
from dpojob.sanitize import escape, shorten
from dpojob.views.evaluation_view import evaluation_view
from dpojob.views.phase_styles import PHASE_STYLES
from dpojob_api.conditions import ConditionType
from dpojob_api.quantity import format_duration, money

if TYPE_CHECKING:
    from dpojob_api.base import JSONObject

MESSAGE_LIMIT = 2000
"""Characters of a condition's message that are shown."""


METRICS = {
    "loss": "loss",
    "margin": "margin",
    "accuracy": "accuracy",
    "evalLoss": "eval loss",
    "evalMargin": "eval margin",
    "evalAccuracy": "eval accuracy",
}
"""Field of a progress to what it is called."""


def headline(job: JSONObject) -> str:
    """Summarizes a job in one line.

    Args:
        job: The job.

    Returns:
        Its name, phase, steps, metrics, time left and cost, as far as they are known.
    """
    status, phase = job.get("status") or {}, job_phase(job)
    progress = status.get("progress") or {}
    parts = [f"{job['metadata'].get('name', '?')}: {phase}"]
    if progress.get("maxSteps"):
        parts.append(f"{_steps(progress)} ({_percent(progress)}%)")
        parts += format_metrics(progress)
    if status.get("cost") is not None:
        parts.append(format_cost(job))
    reason = (_condition(status, ConditionType.READY) or {}).get("reason")
    if not progress.get("maxSteps") and reason and reason != phase:
        parts.append(reason)
    return ", ".join(parts)


def _steps(progress: JSONObject) -> str:
    return f"step {progress.get('step', 0)}/{progress['maxSteps']}"


def _percent(progress: JSONObject) -> int:
    """Whole percent of the steps; 100 only when all are done."""
    return min(100, int(progress.get("step", 0) * 100 // progress["maxSteps"]))


def format_metrics(progress: JSONObject) -> list[str]:
    """Formats the metrics of a running or finished training.

    Args:
        progress: The training's progress.

    Returns:
        One text for each metric that is known, and one for the time left.
    """
    values = [(name, progress.get(field)) for field, name in METRICS.items()]
    shown = [f"{name} {value:.3f}" for name, value in values if value is not None]
    left = progress.get("etaSeconds")
    if left is not None and progress.get("step", 0) < progress.get("maxSteps", 0):
        shown.append(f"{format_duration(left)} left")
    return shown


def format_cost(job: JSONObject) -> str:
    """Formats a job's cost.

    Args:
        job: The job.

    Returns:
        The cost so far, with the estimate while the job runs; "" where it is not known.
    """
    cost = (job.get("status") or {}).get("cost")
    if cost is None:
        return ""
    spent = f"cost {money(Decimal(cost.get('soFar', 0)))}"
    if cost.get("estimate") is not None and job_phase(job) not in ("Complete", "Failed"):
        spent += f" of about {money(Decimal(cost['estimate']))}"
    return f"{spent} {cost.get('currency', 'USD')}"


def format_queue(queue: JSONObject | None, now: datetime) -> str:
    """Formats how long a job has waited for a node.

    Args:
        queue: The job's wait; None where it has not waited.
        now: The time, in UTC.

    Returns:
        Its pool, place and waiting time; "" where it does not wait.
    """
    if queue is None or queue.get("since") is None:
        return ""
    place = f", place {queue['position']}" if queue.get("position") is not None else ""
    since = datetime.fromisoformat(queue["since"])
    seconds = queue.get("waitSeconds", 0.0) + max(0.0, (now - since).total_seconds())
    return f"{queue.get('pool')}{place}, waited {format_duration(seconds)}"


def status_view(job: JSONObject) -> RenderableType:
    """Shows a job's current state.

    Args:
        job: The job.

    Returns:
        Phase, progress bar, facts, the conditions that explain the phase, and samples.
    """
    metadata, status, phase = job["metadata"], job.get("status") or {}, job_phase(job)
    name = f"{metadata.get('namespace', '')}/{metadata.get('name', '?')}".lstrip("/")
    parts: list[RenderableType] = [
        Text.assemble((name, "bold"), "  ", (phase, PHASE_STYLES.get(phase, "cyan")))
    ]
    if _has_steps(status):
        parts.append(_bar(job))
    parts.append(_facts(job))
    parts += [_message(condition) for condition in _explanatory_conditions(status)]
    if status.get("evaluation") is not None:
        parts.append(evaluation_view(status["evaluation"]))
    if status.get("samples"):
        parts.append(samples_table(status["samples"]))
    return Group(*parts)


def _has_steps(status: JSONObject) -> bool:
    return bool((status.get("progress") or {}).get("maxSteps"))


def _bar(job: JSONObject) -> RenderableType:
    progress = job["status"]["progress"]
    row = Table.grid(padding=(0, 1))
    row.add_row(
        ProgressBar(total=progress["maxSteps"], completed=progress.get("step", 0), width=40),
        Text(f"{_percent(progress)}%"),
        Text(_steps(progress)),
        Text("  ".join([*format_metrics(progress), format_cost(job)])),
    )
    return row


def _facts(job: JSONObject) -> RenderableType:
    spec, status = job.get("spec") or {}, job.get("status") or {}
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim")

    def row(name: str, value: str | None) -> None:
        if value:
            table.add_row(name, Text(escape(value)))

    model = (status.get("display") or {}).get("model") or (spec.get("model") or {}).get("repo")
    row("model", model)
    if (data := status.get("dataset")) is not None:
        validity = "valid" if data.get("valid") else "invalid"
        rows, used = data.get("rows", 0), data.get("trainRows", 0)
        row("dataset", f"{validity}, {rows:,} rows, {used:,} to train on")
        suspects = data.get("suspects") or []
        row("suspects", ", ".join(f"{each.get('rows', 0):,} {each['kind']}" for each in suspects))
        claim = (spec.get("output") or {}).get("volume")
        page = data.get("page")
        row("rows shown at", f"{claim['claimName']}:{page}" if claim and page else None)
    if (plan := status.get("plan")) is not None:
        number = plan.get("gpus", 1)  # A status leaves out what has its default.
        gpus = f"{number} GPU" + ("s" if number > 1 else "")
        row("plan", f"{plan['pool']}, {gpus}, {plan['method']}, {plan['precision']}")
    row("queue", format_queue(status.get("queue"), datetime.now(UTC)))
    if not _has_steps(status):
        row("cost", format_cost(job))
    if (artifacts := status.get("artifacts")) is not None:
        claim, report = artifacts.get("claimName"), artifacts.get("report")
        row("model at", f"{claim}:{artifacts.get('path') or '/'}" if claim else None)
        row("report at", f"{claim}:{report}" if report else None)
        row("pushed to", artifacts.get("push"))
        row("uploaded to", artifacts.get("s3"))
    return table


def _condition(status: JSONObject, type_: ConditionType) -> JSONObject | None:
    """The condition of a type; None where it is not set."""
    conditions: Sequence[JSONObject] = status.get("conditions") or []
    return next((each for each in conditions if each["type"] == type_), None)


def _explanatory_conditions(status: JSONObject) -> list[JSONObject]:
    """The terminal condition of a finished job; else Ready, and what is invalid, unhealthy or not applied."""
    for terminal in (ConditionType.FAILED, ConditionType.COMPLETE):
        found = _condition(status, terminal)
        if found is not None and found["status"] == "True":
            return [found]
    conditions = [_condition(status, ConditionType.READY)]
    for condition in (
        ConditionType.DATASET_VALID,
        ConditionType.TRAINING_HEALTHY,
        ConditionType.QUEUE_LABELS_APPLIED,
    ):
        found = _condition(status, condition)
        if found is not None and found["status"] == "False":
            conditions.append(found)
    return [condition for condition in conditions if condition is not None]


def _message(condition: JSONObject) -> RenderableType:
    text = Text(f"{condition['reason']}: ", style="bold")
    return text.append(shorten(condition.get("message", ""), MESSAGE_LIMIT), style="not bold")


def samples_table(samples: Sequence[JSONObject], limit: int | None = 200) -> RenderableType:
    """Shows prompts with the answers before training and now.

    Args:
        samples: The samples.
        limit: The most characters of a text; None for no limit.

    Returns:
        A table with a row for each.
    """
    table = Table(show_lines=True)
    for column in ("prompt", "before", "after"):
        table.add_column(column, overflow="fold")
    for sample in samples:
        cells = [sample.get(field) or "" for field in ("prompt", "before", "after")]
        table.add_row(*(Text(shorten(cell, limit or max(1, 2 * len(cell)))) for cell in cells))
    return table
