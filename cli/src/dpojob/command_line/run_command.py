"""Adds a command to the application, and turns what it raises into a message and an exit status."""

from __future__ import annotations

import inspect
import os
import sys
from collections.abc import Callable, Coroutine
from functools import wraps
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from dpojob.errors import CommandError

Command = Callable[..., int | Coroutine[Any, Any, int]]
"""Runs a command with its options, and returns the exit status."""

EXIT_SIGINT = 130
"""Exit status of a program that SIGINT ended (128 + 2), as shells report it."""
EXIT_SIGPIPE = 141
"""Exit status of a program that SIGPIPE ended (128 + 13), as shells report it."""


def add_command(app: typer.Typer, name: str, short: str, text: str) -> Callable[[Command], Command]:
    """Makes a decorator that adds a function as a command.

    Args:
        app: The application.
        name: The command's name.
        short: What it does, on one line of the list of commands.
        text: What `--help` prints above its options.

    Returns:
        The decorator; the function's parameters are the command's options.
    """

    def decorate(function: Command) -> Command:
        @wraps(function)
        def run(**options: Any) -> None:
            raise typer.Exit(run_command(name, function, options))

        app.command(name, help=text, short_help=short)(run)
        return function

    return decorate


def run_command(name: str, function: Command, options: dict[str, Any]) -> int:
    """Runs a command.

    Args:
        name: Its name, which begins its error messages.
        function: What runs it.
        options: The options of the command line.

    Returns:
        The exit status.
    """
    from dpojob.errors import CommandError

    try:
        result = function(**options)
        if inspect.iscoroutine(result):
            import asyncio

            return int(asyncio.run(result))
        assert isinstance(result, int)
        return result
    except CommandError as error:
        if options.get("json") or options.get("format_") == "json":
            from dpojob.console import print_json

            print_json(error_json(name, error))
        else:
            from dpojob.sanitize import escape_controls

            print(f"{name}: {escape_controls(str(error))}", file=sys.stderr)
        return error.code
    except KeyboardInterrupt:
        print(file=sys.stderr)
        return EXIT_SIGINT
    except BrokenPipeError:
        # The reader of standard output has closed it. Python flushes standard output once more on
        # exit, which would fail again, so it is replaced.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_SIGPIPE


def error_json(command: str, error: CommandError) -> dict[str, object]:
    """Builds what `--json` prints for a command that failed.

    Args:
        command: The command's name.
        error: Why it failed.

    Returns:
        An inspection report with `valid: false` for `inspect`; {"error", "reason"} for the others.
    """
    if command == "inspect":
        from dpojob_api.report import InspectionReport

        return InspectionReport(valid=False, reason=error.reason, error=str(error)).wire()
    reason = {} if error.reason is None else {"reason": error.reason}
    return {"error": str(error), **reason}
