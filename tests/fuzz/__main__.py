"""`python -m tests.fuzz`: looks for inputs on which a reader breaks its promise.

python -m tests.fuzz --minutes 60               # what `make fuzz` runs: all targets in turn
python -m tests.fuzz --minutes 5 --target parquet
python -m tests.fuzz --runs 500 --seed 1        # a number of inputs for each target instead of a time
python -m tests.fuzz --target csv --input FILE  # one input, such as a finding

Prints a line for each target and one for all, and ends with status 1 when there were findings. Inputs
that reached new code are kept in the folder `--corpus` and used the next time; inputs that broke a rule
are written to `--findings`. Each finding becomes a file in tests/fuzz/regressions, with its mend.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import atheris
from tests.kit.repository import ROOT

from .engine import Limits, fuzz

INSTRUMENTED = ["dpojob", "dpojob_api", "dpojob_operator", "dpojob_trainer", "jinja2", "yaml"]
"""Packages whose branches guide the fuzzer."""
with atheris.instrument_imports(include=INSTRUMENTED):
    from .targets import TARGETS


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
    length = parser.add_mutually_exclusive_group()
    length.add_argument("--minutes", type=float, default=60, help="for all targets (default 60)")
    length.add_argument("--runs", type=int, help="inputs for each target, beside the corpus")
    parser.add_argument("--target", choices=list(TARGETS), action="append", help="only these")
    parser.add_argument("--seed", type=int, default=0, help="of every choice (default: random)")
    parser.add_argument("--input", type=Path, help="with --target: check this file and end")
    parser.add_argument("--corpus", type=Path, default=ROOT / ".fuzz/corpus", help="folder")
    parser.add_argument("--findings", type=Path, default=ROOT / ".fuzz/findings", help="folder")
    return parser.parse_args()


def main() -> int:
    """Runs the command; returns the exit status."""
    args = arguments()
    names = args.target or list(TARGETS)
    if args.input:
        for name in names:
            TARGETS[name].check(args.input.read_bytes())
        print("no finding")
        return 0
    seconds = None if args.runs else round(args.minutes * 60 / len(names))
    limits = Limits(seed=args.seed, runs=args.runs, seconds=seconds)
    results = []
    for name in names:
        with tempfile.TemporaryDirectory(prefix="dpojob-fuzz-") as temporary:
            result = fuzz(
                TARGETS[name], limits, args.corpus / name, args.findings / name, Path(temporary)
            )
        print(result, flush=True)
        results.append(result)
    inputs, findings = sum(r.inputs for r in results), sum(len(r.findings) for r in results)
    print(f"{len(results)} targets, {inputs} inputs, {findings} findings")
    return 1 if any(result.failed for result in results) else 0


if __name__ == "__main__":
    sys.exit(main())
