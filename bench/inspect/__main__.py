"""Measures the inspection, and prints tables.

    python -m bench.inspect                        all of the following, one after another
    python -m bench.inspect tokens                 with tokenizer and chat template, beside TRL and the raw tokenizer
    python -m bench.inspect start                  from the start of the command to the report on a few rows
    python -m bench.inspect structure              the checks without tokens, beside pyarrow reading the same files
    python -m bench.inspect memory                 the peak resident set and how it grows with rows
    python -m bench.inspect suspects               precision and recall of the suspects on planted errors

Each takes `--write docs/inspection-performance.md`. `suspects --data pairs.jsonl` plants swaps into pairs of your own.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

from bench import pages

from .memory import measure_memory
from .page import PAGE
from .start import measure_start
from .structure import measure_presets, measure_structure
from .suspects import measure_planted, measure_swaps
from .tokens import measure_tokens


def tokens(options: argparse.Namespace, directory: Path) -> list[str]:
    """Rows per second with tokens."""
    return measure_tokens(directory, options.token_rows, options.slow_rows, options.rounds)


def start(options: argparse.Namespace, directory: Path) -> list[str]:
    """Seconds from the start of the command."""
    return measure_start(directory, options.rounds)


def structure(options: argparse.Namespace, directory: Path) -> list[str]:
    """Rows per second without tokens."""
    return [
        *measure_structure(directory, options.rows, options.rounds),
        "",
        *measure_presets(directory, options.rows, options.rounds),
    ]


def memory(options: argparse.Namespace, directory: Path) -> list[str]:
    """Peak memory."""
    return measure_memory(directory, options.memory_rows)


def suspects(options: argparse.Namespace, _: Path) -> list[str]:
    """Precision and recall."""
    if options.data is not None:
        return measure_swaps(options.data)
    return measure_planted(options.planted_rows, options.share)


MODULE = "bench.inspect"
COMMANDS: dict[str, tuple[str, Callable[[argparse.Namespace, Path], list[str]]]] = {
    "tokens": ("Tokens", tokens),
    "start": ("Start", start),
    "structure": ("Structure and presets", structure),
    "memory": ("Memory", memory),
    "suspects": ("Suspects of planted errors", suspects),
}
"""The title of the section in the page, and the measurement, by the argument on the command line."""


def _parser() -> argparse.ArgumentParser:
    parser = pages.parser(MODULE, __doc__, COMMANDS)
    parser.add_argument("--rounds", type=int, default=3, help="of which the best counts")
    parser.add_argument(
        "--token-rows", type=int, default=20 * 2_312, help="for tokens; a file of hh-rlhf has 2,312"
    )
    parser.add_argument("--slow-rows", type=int, default=2_000, help="of them, for slower sides")
    parser.add_argument("--rows", type=int, default=100_000, help="for structure")
    parser.add_argument("--memory-rows", type=int, default=1_000_000, help="for memory")
    suspects = parser.add_argument_group("suspects")
    suspects.add_argument("--planted-rows", type=int, default=2_000)
    suspects.add_argument("--share", type=float, default=0.02, help="of rows, for each error")
    suspects.add_argument(
        "--data", type=Path, help="JSON Lines with prompt, chosen and rejected as text"
    )
    return parser


def main() -> None:
    """Runs one command, or all, and prints the tables."""
    options = _parser().parse_args()
    for name in COMMANDS if options.command == "all" else (options.command,):
        title, run = COMMANDS[name]
        command = pages.command_line(MODULE, name, COMMANDS)
        with tempfile.TemporaryDirectory(prefix="bench-inspect-") as directory:
            os.environ["DPOJOB_SCRATCH"] = directory
            PAGE.record(command, title, partial(run, options, Path(directory)), options.write)


if __name__ == "__main__":
    main()
