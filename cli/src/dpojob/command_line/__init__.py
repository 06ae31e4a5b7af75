"""The command line: every command with its options, help text and completion. Imports nothing large.

A command's module in `dpojob.commands` is imported when the command runs, so that `--help` and completion of options
are quick.
"""

from .app import build_app

__all__ = [
    "app",
    "build_app",
    "cluster_commands",
    "completion",
    "help_texts",
    "job_commands",
    "local_commands",
    "numbers",
    "options",
    "run_command",
]
