"""Entry point of `dpojob` and `kubectl dpo`: parses the command line and runs the command.

Each command's module is imported when the command runs, so that `--help` is quick.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from .arguments import build_parser

if TYPE_CHECKING:
    from .errors import CommandError

EXIT_SIGINT = 130
"""Exit status of a program that SIGINT ended (128 + 2), as shells report it."""
EXIT_SIGPIPE = 141
"""Exit status of a program that SIGPIPE ended (128 + 13), as shells report it."""


def _inspect(options: argparse.Namespace) -> int:
    from .commands import inspect

    return inspect.run(options)


def _plan(options: argparse.Namespace) -> int:
    from .commands import plan

    return plan.run(options)


def _train(options: argparse.Namespace) -> int:
    from .commands import train

    return train.run(options)


def _evaluate(options: argparse.Namespace) -> int:
    from .commands import evaluate

    return evaluate.run(options)


def _status(options: argparse.Namespace) -> int:
    from .commands import status

    return status.run(options)


def _logs(options: argparse.Namespace) -> int:
    from .commands import logs

    return logs.run(options)


def _suspend(options: argparse.Namespace) -> int:
    from .commands import suspension

    return suspension.suspend(options)


def _resume(options: argparse.Namespace) -> int:
    from .commands import suspension

    return suspension.resume(options)


def _cancel(options: argparse.Namespace) -> int:
    from .commands import cancel

    return cancel.run(options)


def _ui(options: argparse.Namespace) -> int:
    from .commands import ui

    return ui.run(options)


COMMANDS: Mapping[str, Callable[[argparse.Namespace], int]] = {
    "inspect": _inspect,
    "plan": _plan,
    "train": _train,
    "evaluate": _evaluate,
    "status": _status,
    "logs": _logs,
    "suspend": _suspend,
    "resume": _resume,
    "cancel": _cancel,
    "ui": _ui,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Parses a command line and runs its command.

    Args:
        arguments: The command line without the program's name; that of the process when None.

    Returns:
        The exit status.
    """
    plugin = Path(sys.argv[0]).name.startswith("kubectl-")
    parser = build_parser("kubectl dpo" if plugin else "dpojob")
    options = parser.parse_args(arguments)
    if options.version:
        from importlib.metadata import version

        print(f"dpojob {version('dpojob')}")
        return 0
    if options.command is None:
        parser.print_help()
        return 2
    return _run(options)


def _run(options: argparse.Namespace) -> int:
    from .errors import CommandError

    try:
        return COMMANDS[options.command](options)
    except CommandError as error:
        if getattr(options, "json", False):
            from .console import print_json

            print_json(error_json(options.command, error))
        else:
            print(f"{options.command}: {error}", file=sys.stderr)
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


if __name__ == "__main__":
    sys.exit(main())
