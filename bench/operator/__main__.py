"""Measures the operator on control planes of its own, and prints tables.

    python -m bench.operator                       all of the following, one after another
    python -m bench.operator compare               bare Jobs, Kubeflow Trainer, a DPOJob's writes alone and this operator in turns
    python -m bench.operator bytes                 their requests to the API server with the bytes of bodies
    python -m bench.operator scale                 100, 1,000 and 10,000 DPOJobs at once
    python -m bench.operator fleet                 10,000 finished and 1,000 running DPOJobs
    python -m bench.operator soak                  2,000 DPOJobs with random actions over 30 minutes

Each takes `--write docs/performance.md`. docs/performance.md says what the figures mean.
"""

from __future__ import annotations

import argparse
import signal
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import NoReturn

from bench import pages

from . import report
from .candidates import BareJobs, Candidate, DPOJobs, DPOJobWrites, KubeflowTrainer
from .compare import measure
from .control_plane import AUDITED_ACCOUNTS
from .fleet import measure_fleet
from .page import PAGE
from .soak import measure_soak

MODULE = "bench.operator"
CANDIDATES: dict[str, Candidate] = {
    "bare": BareJobs(),
    "kubeflow": KubeflowTrainer(),
    "kubeflow500": KubeflowTrainer(queries_per_second=500),
    "writes": DPOJobWrites(),
    "operator": DPOJobs(),
}
"""The candidates in the order of a round."""
WITH_BYTES = ("kubeflow", "kubeflow500", "operator")
"""Candidates whose bodies are measured: the others have no controllers."""


def compare(options: argparse.Namespace) -> list[str]:
    """All candidates in turns."""
    trials = []
    for _ in range(options.rounds):
        for name in options.candidates:
            begun = time.monotonic()
            trials.append(measure(CANDIDATES[name], options.warm, options.sizes))
            print(f"{name}: measured in {time.monotonic() - begun:.0f} s", flush=True)
    return report.comparison(trials)


def bodies(options: argparse.Namespace) -> list[str]:
    """Requests with the bytes of their bodies; an audit log that holds bodies takes time, which is not measured."""
    lines: list[str] = []
    for name in options.candidates:
        if name in WITH_BYTES:
            trial = measure(CANDIDATES[name], 1, [options.bodies], AUDITED_ACCOUNTS)
            lines += ["", *report.requests(trial, options.bodies)]
    return lines[1:]


def scale(options: argparse.Namespace) -> list[str]:
    """This operator alone, each number of jobs on a control plane of its own."""
    return report.scale([measure(DPOJobs(), 3, [size]) for size in options.series])


def fleet(options: argparse.Namespace) -> list[str]:
    """Many finished and many running jobs."""
    return report.fleet(measure_fleet(options.finished, options.running, options.seconds))


def soak(options: argparse.Namespace) -> list[str]:
    """Random actions."""
    return report.soak(measure_soak(options.jobs, 60 * options.minutes, options.seed))


COMMANDS: dict[str, tuple[str, Callable[[argparse.Namespace], list[str]]]] = {
    "compare": ("Comparison", compare),
    "bytes": ("Requests and bytes", bodies),
    "scale": ("Scale", scale),
    "fleet": ("Fleet", fleet),
    "soak": ("Soak", soak),
}
"""The title of the section in the page, and the measurement, by the argument on the command line; in this order."""


def _names(text: str) -> list[str]:
    names = text.split(",")
    unknown = [name for name in names if name not in CANDIDATES]
    if unknown:
        raise argparse.ArgumentTypeError(f"{unknown[0]!r} is none of {', '.join(CANDIDATES)}")
    return names


def _sizes(text: str) -> list[int]:
    return [int(size) for size in text.split(",")]


def _parser() -> argparse.ArgumentParser:
    parser = pages.parser(MODULE, __doc__, COMMANDS)
    several = parser.add_argument_group("compare and bytes")
    several.add_argument("--candidates", type=_names, default=list(CANDIDATES))
    several.add_argument("--sizes", type=_sizes, default=[200, 1000], help="jobs at once")
    several.add_argument("--warm", type=int, default=20, help="jobs one at a time")
    several.add_argument("--rounds", type=int, default=1, help="trials of each candidate")
    several.add_argument("--bodies", type=int, default=40, help="jobs at once for `bytes`")
    parser.add_argument("--series", type=_sizes, default=[100, 1000, 10000], help="for scale")
    fleet = parser.add_argument_group("fleet")
    fleet.add_argument("--finished", type=int, default=10000)
    fleet.add_argument("--running", type=int, default=1000)
    fleet.add_argument("--seconds", type=float, default=120.0, help="of each measurement")
    soak = parser.add_argument_group("soak")
    soak.add_argument("--jobs", type=int, default=2000)
    soak.add_argument("--minutes", type=float, default=30.0)
    soak.add_argument("--seed", type=int, default=1, help="of the random actions")
    return parser


def _end(*_: object) -> NoReturn:
    """Ends by an exception, so that the control plane and the controllers end too."""
    sys.exit("ended by a signal")


def main() -> None:
    """Runs one command, or all, and prints the tables."""
    signal.signal(signal.SIGTERM, _end)
    options = _parser().parse_args()
    for name in COMMANDS if options.command == "all" else (options.command,):
        title, run = COMMANDS[name]
        command = pages.command_line(MODULE, name, COMMANDS)
        PAGE.record(command, title, partial(run, options), options.write)


if __name__ == "__main__":
    main()
