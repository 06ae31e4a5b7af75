"""How a job on a cluster is shown: a headline, a progress bar, figures, conditions."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from dpojob.sanitize import shorten, visible
from dpojob_api.conditions import Condition, ConditionType
from dpojob_api.job import DPOJob, DPOJobStatus
from dpojob_api.progress import Progress
from dpojob_api.quantity import format_duration, money

STYLES = {"Complete": "green", "Failed": "red", "Suspended": "yellow"}
MESSAGE_LIMIT = 2000
"""Characters of a condition's message that are shown."""


def headline(job: DPOJob) -> str:
    """One line: name, phase, steps, margin, time left, cost."""
    status, progress = job.status, job.status.progress
    parts = [f"{job.metadata.get('name', '?')}: {status.phase}"]
    if progress is not None and progress.max_steps:
        parts.append(f"step {progress.step}/{progress.max_steps} ({progress.percent}%)")
        parts += figures(progress)
    if status.cost is not None:
        parts.append(cost(status))
    ready = status.condition(ConditionType.READY)
    if (progress is None or not progress.max_steps) and ready is not None and ready.reason:
        parts.append(ready.reason)
    return ", ".join(parts)


def figures(progress: Progress) -> list[str]:
    """The figures of a running or finished training that are known."""
    named = [
        ("loss", progress.loss), ("margin", progress.margin), ("accuracy", progress.accuracy),
        ("eval loss", progress.eval_loss), ("eval margin", progress.eval_margin),
        ("eval accuracy", progress.eval_accuracy),
    ]  # fmt: skip
    shown = [f"{name} {value:.3f}" for name, value in named if value is not None]
    if progress.eta_seconds is not None and progress.step < progress.max_steps:
        shown.append(f"{format_duration(progress.eta_seconds)} left")
    return shown


def cost(status: DPOJobStatus) -> str:
    """Spent, and what it is expected to come to."""
    if status.cost is None:
        return ""
    spent = f"cost {money(status.cost.so_far)}"
    if status.cost.estimate is not None and status.phase not in ("Complete", "Failed"):
        spent += f" of about {money(status.cost.estimate)}"
    return f"{spent} {status.cost.currency}"


def view(job: DPOJob) -> RenderableType:
    """Everything worth seeing about a job, newest state only."""
    status = job.status
    name = f"{job.metadata.get('namespace', '')}/{job.metadata.get('name', '?')}".lstrip("/")
    parts: list[RenderableType] = [
        Text.assemble((name, "bold"), "  ", (status.phase, STYLES.get(status.phase, "cyan")))
    ]
    if status.progress is not None and status.progress.max_steps:
        parts.append(_bar(status))
    parts.append(_facts(job))
    parts += [_message(condition) for condition in _telling(status)]
    if status.samples:
        parts.append(_samples(status))
    return Group(*parts)


def _bar(status: DPOJobStatus) -> RenderableType:
    progress = status.progress or Progress()
    row = Table.grid(padding=(0, 1))
    row.add_row(
        ProgressBar(total=progress.max_steps, completed=progress.step, width=40),
        Text(f"{progress.percent}%"),
        Text(f"step {progress.step}/{progress.max_steps}"),
        Text("  ".join([*figures(progress), cost(status)])),
    )
    return row


def _facts(job: DPOJob) -> RenderableType:
    status = job.status
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim")

    def row(name: str, value: str | None) -> None:
        if value:
            table.add_row(name, Text(visible(value)))

    row("model", (status.display.model if status.display else None) or job.spec.model.repo)
    if (data := status.dataset) is not None:
        verdict = "valid" if data.valid else "invalid"
        row("dataset", f"{verdict}, {data.rows:,} rows, {data.train_rows:,} to train on")
    if (plan := status.plan) is not None:
        gpus = f"{plan.gpus} GPU" + ("s" if plan.gpus > 1 else "")
        row("plan", f"{plan.pool}, {gpus}, {plan.method}, {plan.precision}")
    if status.progress is None or not status.progress.max_steps:
        row("cost", cost(status))
    if (made := status.artifacts) is not None:
        row("model at", f"{made.claim_name}:{made.path or '/'}" if made.claim_name else None)
        row("report at", f"{made.claim_name}:{made.report}" if made.report else None)
        row("pushed to", made.push)
        row("uploaded to", made.s3)
    return table


def _telling(status: DPOJobStatus) -> list[Condition]:
    """The conditions that say more than the phase: the end, or what is being waited for, or trouble."""
    for end in (ConditionType.FAILED, ConditionType.COMPLETE):
        if status.is_true(end):
            return [c for c in [status.condition(end)] if c is not None]
    told = [status.condition(ConditionType.READY)]
    for condition in (ConditionType.DATASET_VALID, ConditionType.TRAINING_HEALTHY):
        found = status.condition(condition)
        if found is not None and found.status == "False":
            told.append(found)
    return [condition for condition in told if condition is not None]


def _message(condition: Condition) -> RenderableType:
    text = Text(f"{condition.reason}: ", style="bold")
    return text.append(shorten(condition.message, MESSAGE_LIMIT), style="not bold")


def _samples(status: DPOJobStatus) -> RenderableType:
    table = Table("prompt", "before", "after", show_lines=True)
    for sample in status.samples:
        cells = (sample.prompt, sample.before or "", sample.after or "")
        table.add_row(*(Text(shorten(cell, 200)) for cell in cells))
    return table
