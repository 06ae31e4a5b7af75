"""Progress bars on standard error; plain silence where that is no terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn

from dpojob.console import live

Report = Callable[[int, int | None], None]
"""Told (how many are done, of about how many if that is known)."""


@contextmanager
def bar(what: str, *, unit: str) -> Iterator[Report]:
    """A bar for the time of the `with`."""
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.fields[shown]}", markup=False),
        TimeRemainingColumn(),
    )
    console = live(stderr=True)
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as shown:
        task = shown.add_task(what, total=None, shown="")

        def report(done: int, total: int | None) -> None:
            shown.update(task, completed=done, total=total, shown=f"{done:,} {unit}")

        yield report
