"""Consoles and printers: results go to standard output, progress and messages to standard error."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

from .output_format import DocumentFormat

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import Console, RenderableType


def stdout_console() -> Console:
    """Creates the console for results.

    Markup, highlighting and codes of emoji are off, because text of users is printed through it.

    Returns:
        A console on standard output.
    """
    return _console(soft_wrap=True)


def stderr_console() -> Console:
    """Creates the console for progress and messages.

    Returns:
        A console on standard error.
    """
    return _console(stderr=True, soft_wrap=True)


def live_console(*, stderr: bool) -> Console:
    """Creates a console for a display that is redrawn.

    Rich folds long lines itself here: it cannot count the lines that the terminal folds.

    Args:
        stderr: Whether the console writes to standard error rather than standard output.

    Returns:
        A console for `rich.live` and `rich.progress`.
    """
    return _console(stderr=stderr)


def _console(*, stderr: bool = False, soft_wrap: bool = False) -> Console:
    # Imported here, since JSON and names are printed without rich.
    from rich.console import Console

    return Console(stderr=stderr, highlight=False, markup=False, emoji=False, soft_wrap=soft_wrap)


def print_result(result: RenderableType) -> None:
    """Prints a result on standard output; into a file or a pipe without trailing blanks.

    Args:
        result: What to print.
    """
    console = stdout_console()
    if console.is_terminal:
        console.print(result)
        return
    with console.capture() as capture:
        console.print(result)
    sys.stdout.write("".join(f"{line.rstrip()}\n" for line in capture.get().splitlines()))


def print_warning(message: str) -> None:
    """Prints a warning on standard error.

    Args:
        message: The warning, without the prefix "warning: ".
    """
    stderr_console().print(f"warning: {message}", style="yellow")


def print_json(value: Any) -> None:
    """Prints one JSON value on standard output, indented on a terminal.

    Args:
        value: What `json` can serialize.
    """
    json.dump(value, sys.stdout, ensure_ascii=False, indent=2 if sys.stdout.isatty() else None)
    sys.stdout.write("\n")


def print_path(path: Path, form: DocumentFormat) -> None:
    """Prints where a command has put a file or a directory, on standard output.

    Args:
        path: The place.
        form: Its form; a table is the path alone.
    """
    if form is DocumentFormat.TABLE:
        print(path)
    else:
        print_document({"path": str(path)}, form)


def print_document(value: Any, form: DocumentFormat) -> None:
    """Prints one value on standard output, as JSON or YAML.

    Args:
        value: What `json` can serialize.
        form: Its form; tables have views of their own.
    """
    if form is DocumentFormat.YAML:
        import yaml

        yaml.safe_dump(value, sys.stdout, sort_keys=False, allow_unicode=True)
    else:
        print_json(value)
