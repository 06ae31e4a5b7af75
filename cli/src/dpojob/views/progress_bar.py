"""A progress bar on standard error, shown on a terminal only."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn

from dpojob.console import live_console

ProgressCallback = Callable[[int, int | None], None]
"""Called with (items done, expected total or None)."""


@contextmanager
def progress_bar(description: str, *, unit: str) -> Iterator[ProgressCallback]:
    """Shows a progress bar while the context is open.

    Args:
        description: What is being done.
        unit: What is counted, such as "rows".

    Yields:
        The function that moves the bar.
    """
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.fields[shown]}", markup=False),
        TimeRemainingColumn(),
    )
    console = live_console(stderr=True)
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as progress:
        task = progress.add_task(description, total=None, shown="")

        def on_progress(done: int, total: int | None) -> None:
            progress.update(task, completed=done, total=total, shown=f"{done:,} {unit}")

        yield on_progress
