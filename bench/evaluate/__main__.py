"""Checks the statistics of the evaluation by real trainings, and prints tables.

    python -m bench.evaluate random-labels         how often the 95% intervals hold the truth where labels are random

It takes `--write docs/evaluation-statistics.md`.
"""

from __future__ import annotations

import os

# Before torch is loaded: waiting threads that spin would multiply the time on a busy machine.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("TQDM_DISABLE", "1")

import argparse
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

from bench import pages
from dpojob_trainer.training import discard_output_at_exit

from .page import PAGE
from .random_labels import measure_random_labels


def random_labels(options: argparse.Namespace, directory: Path) -> list[str]:
    """Trainings on random labels."""
    return measure_random_labels(directory, options.seeds)


MODULE = "bench.evaluate"
COMMANDS: dict[str, tuple[str, Callable[[argparse.Namespace, Path], list[str]]]] = {
    "random-labels": ("Random labels", random_labels),
}
"""The title of the section in the page, and the measurement, by the argument on the command line."""


def main() -> None:
    """Runs one command, or all, and prints the tables."""
    parser = pages.parser(MODULE, __doc__, COMMANDS)
    parser.add_argument("--seeds", type=int, default=100, help="of trainings on random labels")
    options = parser.parse_args()
    discard_output_at_exit()  # A library's list of leaked objects.
    for name in COMMANDS if options.command == "all" else (options.command,):
        title, run = COMMANDS[name]
        command = pages.command_line(MODULE, name, COMMANDS)
        with tempfile.TemporaryDirectory(prefix="bench-evaluate-") as directory:
            PAGE.record(command, title, partial(run, options, Path(directory)), options.write)


if __name__ == "__main__":
    main()
