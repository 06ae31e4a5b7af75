"""Views of a training on this machine: a live table with a progress bar, then the outcome."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

import rich.live
from rich.console import Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from dpojob.console import live_console
from dpojob.sanitize import escape, shorten
from dpojob.views.evaluation_view import evaluation_view
from dpojob_api.constants import FILE_REPORT
from dpojob_api.progress import Outcome, Progress
from dpojob_api.quantity import format_duration

MAX_ROWS = 12
"""Logged steps that stay on the screen."""


class TrainingDisplay:
    """Shows a running training on standard error: live on a terminal, else a line for each log."""

    def __init__(self) -> None:
        self._console = live_console(stderr=True)
        self._live = (
            rich.live.Live(console=self._console, refresh_per_second=4, transient=False)
            if self._console.is_terminal
            else None
        )
        self._rows: list[Progress] = []
        self._last = Progress()

    def __enter__(self) -> Self:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._live is not None:
            self._live.stop()

    def update(self, progress: Progress) -> None:
        """Shows new progress.

        Args:
            progress: The newest progress.
        """
        logged = self._new_metrics(progress)
        if logged is not None:
            self._rows = [*self._rows, logged][-MAX_ROWS:]
        if self._live is not None:
            self._live.update(progress_view(progress, self._rows))
        elif logged is not None:
            print(progress_line(logged), file=sys.stderr, flush=True)

    def _new_metrics(self, progress: Progress) -> Progress | None:
        """The progress with only the metrics that changed since the last call, or None."""
        last, self._last = self._last, progress
        if progress.eval_loss != last.eval_loss:
            return progress
        if progress.loss is None or progress.loss == last.loss:
            return None
        return progress.model_copy(
            update={"eval_loss": None, "eval_margin": None, "eval_accuracy": None}
        )


def progress_line(progress: Progress) -> str:
    """Formats progress as one line of a log.

    Args:
        progress: The progress.

    Returns:
        The step, the metrics that are known, and the time left.
    """
    parts = [
        f"step {progress.step}/{progress.max_steps}",
        *(f"{name} {value:.4f}" for name, value in _metrics(progress) if value is not None),
    ]
    if progress.eta_seconds is not None:
        parts.append(f"{format_duration(progress.eta_seconds)} left")
    return "  ".join(parts)


def _metrics(progress: Progress) -> list[tuple[str, float | None]]:
    return [
        ("loss", progress.loss), ("margin", progress.margin), ("accuracy", progress.accuracy),
        ("eval loss", progress.eval_loss), ("eval margin", progress.eval_margin),
        ("eval accuracy", progress.eval_accuracy),
    ]  # fmt: skip


def progress_view(progress: Progress, rows: list[Progress]) -> RenderableType:
    """Shows the progress of a running training.

    Args:
        progress: The latest progress.
        rows: The last logged steps, oldest first.

    Returns:
        The table of logged steps, the bar, and a warning when the training is unhealthy.
    """
    bar = Table.grid(padding=(0, 1))
    rate = f"{progress.steps_per_second:.2f} steps/s" if progress.steps_per_second else ""
    left = f"{format_duration(progress.eta_seconds)} left" if progress.eta_seconds else ""
    bar.add_row(
        Text(progress.stage, style="bold"),
        ProgressBar(total=max(1, progress.max_steps), completed=progress.step, width=40),
        f"{progress.step}/{progress.max_steps}",
        rate,
        left,
    )
    table = Table(box=None, padding=(0, 1), header_style="dim")
    for name in ("step", *(name for name, _ in _metrics(progress))):
        table.add_column(name, justify="right")
    for row in rows:
        cells = ["" if value is None else f"{value:.4f}" for _, value in _metrics(row)]
        table.add_row(str(row.step), *cells)
    parts: list[RenderableType] = [table, bar] if rows else [bar]
    if not progress.health.healthy:
        warning = f"{progress.health.reason}: {progress.health.message}"
        parts.append(Text(shorten(warning, 400), style="yellow"))
    return Group(*parts)


def outcome_view(outcome: Outcome, volumes: Mapping[str, Path]) -> RenderableType:
    """Shows how a training ended.

    Args:
        outcome: The outcome.
        volumes: Claim name to directory.

    Returns:
        The outcome with its message, the last metrics, the samples, and where the results are.
    """
    succeeded = outcome.outcome == "Succeeded"
    head = Text(outcome.outcome.upper(), style="bold green" if succeeded else "bold red")
    head.append(f"  {outcome.reason}", style="not bold default")
    if outcome.message:
        head.append(f": {shorten(outcome.message, 2000)}", style="not bold default")
    parts: list[RenderableType] = [head]
    if outcome.progress.max_steps:
        parts.append(Text(progress_line(outcome.progress.model_copy(update={"eta_seconds": None}))))
    if outcome.evaluation is not None:
        parts.append(evaluation_view(outcome.evaluation.wire()))
    if outcome.samples:
        table = Table("prompt", "before", "after", show_lines=True)
        for sample in outcome.samples:
            cells = (sample.prompt, sample.before or "", sample.after or "")
            table.add_row(*(Text(shorten(cell, 200)) for cell in cells))
        parts.append(table)
    artifacts = outcome.artifacts
    claim = None if artifacts is None else artifacts.claim_name
    if artifacts is not None and claim is not None and claim in volumes:
        directory = volumes[claim] / (artifacts.path or "")
        parts.append(Text(f"model   {escape(str(directory))}"))
        parts.append(Text(f"report  {escape(str(directory / FILE_REPORT))}"))
    uploads = [("pushed", artifacts.push), ("s3", artifacts.s3)] if artifacts is not None else []
    for name, address in uploads:
        if address:
            parts.append(Text(f"{name:<7} {escape(address)}"))
    return Group(*parts)
