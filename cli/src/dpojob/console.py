"""Where output goes: results to standard output, everything said on the way to standard error."""

from __future__ import annotations

import json
import sys
from typing import Any

from rich.console import Console, RenderableType


def out() -> Console:
    """For results. No markup and no colouring of what looks like a number: users' text is printed."""
    return Console(highlight=False, markup=False, soft_wrap=True)


def err() -> Console:
    """For progress and messages."""
    return Console(stderr=True, highlight=False, markup=False, soft_wrap=True)


def live(*, stderr: bool) -> Console:
    """For what is drawn over again: long lines are folded, since the terminal's folding is not counted."""
    return Console(stderr=stderr, highlight=False, markup=False)


def show(result: RenderableType) -> None:
    """A result on standard output; in a file or a pipe without the blanks that pad tables."""
    console = out()
    if console.is_terminal:
        console.print(result)
        return
    with console.capture() as capture:
        console.print(result)
    sys.stdout.write("".join(f"{line.rstrip()}\n" for line in capture.get().splitlines()))


def warn(sentence: str) -> None:
    """A warning on standard error."""
    err().print(f"warning: {sentence}", style="yellow")


def print_json(value: Any) -> None:
    """One JSON value on standard output, and nothing else."""
    json.dump(value, sys.stdout, ensure_ascii=False, indent=2 if sys.stdout.isatty() else None)
    sys.stdout.write("\n")
