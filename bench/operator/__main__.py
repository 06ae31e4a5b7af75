"""Measures the operator beside bare Jobs on control planes of its own, and prints tables.

Usage: `python -m bench.operator [--candidates bare,operator] [--sizes 200,1000] [--warm 20] [--rounds 1]`.
"""

from __future__ import annotations

import argparse
import signal
import sys
import time
from typing import NoReturn

from .candidates import BareJobs, Candidate, DPOJobs
from .compare import Turn, measure
from .report import comparison, machine

CANDIDATES: dict[str, Candidate] = {
    "bare": BareJobs(),
    "operator": DPOJobs(),
}
"""In the order of a run."""


def _names(text: str) -> list[str]:
    names = text.split(",")
    unknown = [name for name in names if name not in CANDIDATES]
    if unknown:
        raise argparse.ArgumentTypeError(f"{unknown[0]!r} is none of {', '.join(CANDIDATES)}")
    return names


def _sizes(text: str) -> list[int]:
    return [int(size) for size in text.split(",")]


def _end(*_: object) -> NoReturn:
    """Ends by an exception, so that the control plane and the controllers end too."""
    sys.exit("ended by a signal")


def main() -> None:
    """Runs the turns, and prints the tables."""
    signal.signal(signal.SIGTERM, _end)
    parser = argparse.ArgumentParser(prog="python -m bench.operator", description=__doc__)
    parser.add_argument("--candidates", type=_names, default=list(CANDIDATES))
    parser.add_argument("--sizes", type=_sizes, default=[200, 1000], help="jobs at once")
    parser.add_argument("--warm", type=int, default=20, help="jobs one at a time")
    parser.add_argument("--rounds", type=int, default=1, help="turns of each candidate")
    options = parser.parse_args()
    print(machine(), flush=True)
    turns: list[Turn] = []
    for _ in range(options.rounds):
        for candidate in (CANDIDATES[name] for name in options.candidates):
            begun = time.monotonic()
            turns.append(measure(candidate, options.warm, options.sizes))
            print(f"{candidate.name}: measured in {time.monotonic() - begun:.0f} s", flush=True)
    print("\n".join(["", *comparison(turns), "", machine()]))


if __name__ == "__main__":
    main()
