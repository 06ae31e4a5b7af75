"""Views of a job on a cluster: one line, or progress, facts, conditions and samples."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from rich.console import Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from dpojob.sanitize import escape, shorten
from dpojob.views.evaluation_view import evaluation_view
from dpojob.views.phase_styles import PHASE_STYLES
from dpojob_api.conditions import ConditionType
from dpojob_api.job import DPOJob, DPOJobStatus, QueueStatus
from dpojob_api.progress import Progress, Sample
from dpojob_api.quantity import format_duration, money
from dpojob_api.status_condition import Condition

MESSAGE_LIMIT = 2000
"""Characters of a condition's message that are shown."""


def headline(job: DPOJob) -> str:
    """Summarizes a job in one line.

    Args:
        job: The job as it was read.

    Returns:
        Its name, phase, steps, metrics, time left and cost, as far as they are known.
    """
    status, progress = job.status, job.status.progress
    parts = [f"{job.metadata.get('name', '?')}: {status.phase}"]
    if progress is not None and progress.max_steps:
        parts.append(f"step {progress.step}/{progress.max_steps} ({progress.percent}%)")
        parts += format_metrics(progress)
    if status.cost is not None:
        parts.append(format_cost(status))
    ready = status.condition(ConditionType.READY)
    untrained = progress is None or not progress.max_steps
    if untrained and ready is not None and ready.reason and ready.reason != status.phase:
        parts.append(ready.reason)
    return ", ".join(parts)


def format_metrics(progress: Progress) -> list[str]:
    """Formats the metrics of a running or finished training.

    Args:
        progress: The training's progress.

    Returns:
        One text for each metric that is known, and one for the time left.
    """
    metrics = [
        ("loss", progress.loss), ("margin", progress.margin), ("accuracy", progress.accuracy),
        ("eval loss", progress.eval_loss), ("eval margin", progress.eval_margin),
        ("eval accuracy", progress.eval_accuracy),
    ]  # fmt: skip
    shown = [f"{name} {value:.3f}" for name, value in metrics if value is not None]
    if progress.eta_seconds is not None and progress.step < progress.max_steps:
        shown.append(f"{format_duration(progress.eta_seconds)} left")
    return shown


def format_cost(status: DPOJobStatus) -> str:
    """Formats a job's cost.

    Args:
        status: The job's status.

    Returns:
        The cost so far, with the estimate while the job runs; "" where it is not known.
    """
    if status.cost is None:
        return ""
    spent = f"cost {money(status.cost.so_far)}"
    if status.cost.estimate is not None and status.phase not in ("Complete", "Failed"):
        spent += f" of about {money(status.cost.estimate)}"
    return f"{spent} {status.cost.currency}"


def format_queue(queue: QueueStatus | None, now: datetime) -> str:
    """Formats how long a job has waited for a node.

    Args:
        queue: The job's wait; None where it has not waited.
        now: The time, in UTC.

    Returns:
        Its pool, place and waiting time; "" where it does not wait.
    """
    if queue is None or queue.since is None:
        return ""
    place = f", place {queue.position}" if queue.position is not None else ""
    seconds = queue.wait_seconds + max(0.0, (now - queue.since).total_seconds())
    return f"{queue.pool}{place}, waited {format_duration(seconds)}"


def status_view(job: DPOJob) -> RenderableType:
    """Shows a job's current state.

    Args:
        job: The job as it was read.

    Returns:
        Phase, progress bar, facts, the conditions that explain the phase, and samples.
    """
    status = job.status
    name = f"{job.metadata.get('namespace', '')}/{job.metadata.get('name', '?')}".lstrip("/")
    parts: list[RenderableType] = [
        Text.assemble((name, "bold"), "  ", (status.phase, PHASE_STYLES.get(status.phase, "cyan")))
    ]
    if status.progress is not None and status.progress.max_steps:
        parts.append(_bar(status))
    parts.append(_facts(job))
    parts += [_message(condition) for condition in _explanatory_conditions(status)]
    if status.evaluation is not None:
        parts.append(evaluation_view(status.evaluation))
    if status.samples:
        parts.append(samples_table(status.samples))
    return Group(*parts)


def _bar(status: DPOJobStatus) -> RenderableType:
    progress = status.progress or Progress()
    row = Table.grid(padding=(0, 1))
    row.add_row(
        ProgressBar(total=progress.max_steps, completed=progress.step, width=40),
        Text(f"{progress.percent}%"),
        Text(f"step {progress.step}/{progress.max_steps}"),
        Text("  ".join([*format_metrics(progress), format_cost(status)])),
    )
    return row


def _facts(job: DPOJob) -> RenderableType:
    status = job.status
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim")

    def row(name: str, value: str | None) -> None:
        if value:
            table.add_row(name, Text(escape(value)))

    row("model", (status.display.model if status.display else None) or job.spec.model.repo)
    if (data := status.dataset) is not None:
        validity = "valid" if data.valid else "invalid"
        row("dataset", f"{validity}, {data.rows:,} rows, {data.train_rows:,} to train on")
        row("suspects", ", ".join(f"{group.rows:,} {group.kind}" for group in data.suspects))
        claim = job.spec.output.volume
        row("rows shown at", f"{claim.claim_name}:{data.page}" if claim and data.page else None)
    if (plan := status.plan) is not None:
        gpus = f"{plan.gpus} GPU" + ("s" if plan.gpus > 1 else "")
        row("plan", f"{plan.pool}, {gpus}, {plan.method}, {plan.precision}")
    row("queue", format_queue(status.queue, datetime.now(UTC)))
    if status.progress is None or not status.progress.max_steps:
        row("cost", format_cost(status))
    if (artifacts := status.artifacts) is not None:
        row(
            "model at",
            f"{artifacts.claim_name}:{artifacts.path or '/'}" if artifacts.claim_name else None,
        )
        row("report at", f"{artifacts.claim_name}:{artifacts.report}" if artifacts.report else None)
        row("pushed to", artifacts.push)
        row("uploaded to", artifacts.s3)
    return table


def _explanatory_conditions(status: DPOJobStatus) -> list[Condition]:
    """The terminal condition of a finished job; else Ready, and what is invalid, unhealthy or not applied."""
    for terminal in (ConditionType.FAILED, ConditionType.COMPLETE):
        if status.is_true(terminal):
            return [c for c in [status.condition(terminal)] if c is not None]
    conditions = [status.condition(ConditionType.READY)]
    for condition in (
        ConditionType.DATASET_VALID,
        ConditionType.TRAINING_HEALTHY,
        ConditionType.QUEUE_LABELS_APPLIED,
    ):
        found = status.condition(condition)
        if found is not None and found.status == "False":
            conditions.append(found)
    return [condition for condition in conditions if condition is not None]


def _message(condition: Condition) -> RenderableType:
    text = Text(f"{condition.reason}: ", style="bold")
    return text.append(shorten(condition.message, MESSAGE_LIMIT), style="not bold")


def samples_table(samples: Sequence[Sample], limit: int | None = 200) -> RenderableType:
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
        cells = (sample.prompt, sample.before or "", sample.after or "")
        table.add_row(*(Text(shorten(cell, limit or max(1, 2 * len(cell)))) for cell in cells))
    return table
