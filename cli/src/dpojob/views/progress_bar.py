"""A progress bar on standard error, shown on a terminal only."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

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
    if not sys.stderr.isatty():
        yield lambda done, total: None
        return
    # Imported here, since a command whose output goes into a file or a pipe need not wait for rich.
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn

    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.fields[shown]}", markup=False),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=live_console(stderr=True), transient=True) as progress:
        task = progress.add_task(description, total=None, shown="")

        def on_progress(done: int, total: int | None) -> None:
            progress.update(task, completed=done, total=total, shown=f"{done:,} {unit}")

        yield on_progress
