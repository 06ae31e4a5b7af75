"""`python -m tests.faults`: holds the operator to its promise, whatever fails.

python -m tests.faults --runs 1000              # what `make faults` runs
python -m tests.faults --scenario succeeds      # all crash points of one scenario, and more
python -m tests.faults --only 'succeeds:crash-after@write#3'
python -m tests.faults --family crashes         # crashes, stale, errors or watches: all of them
python -m tests.faults --family walks --runs 20 # so many walks between specs

Ends with one line, `N runs, N violations, seed S`, and status 1 when there were violations.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from devcluster.cluster import Cluster, sweep, this_process
from devcluster.state import CONTROL_PLANE

from . import runner
from . import sweep as faults
from .environment import shared
from .environment.fixture import Stage
from .injection.fault_types import Fault
from .runner import Report, say
from .scenarios import spec_edit_sequences
from .scenarios.catalogue import SCENARIOS


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
    parser.add_argument("--runs", type=int, default=1000, help="how many in all (default 1000)")
    parser.add_argument("--seed", type=int, default=1, help="of every choice (default 1)")
    parser.add_argument("--scenario", choices=sorted(SCENARIOS), action="append", help="only these")
    parser.add_argument("--only", metavar="RUN", help="one run, as a violation names it")
    parser.add_argument(
        "--family", choices=[*sorted(faults.FAMILIES), "walks"], help="one sweep, whole"
    )
    parser.add_argument("--at-once", type=int, default=runner.at_once(), help="runs at a time")
    parser.add_argument("--kubeconfig", type=Path, help="an API server that runs already")
    parser.add_argument("--keep", type=Path, help="directory in which the operators' logs stay")
    parser.add_argument("--log", action="store_true", help="with --only: print every request")
    parser.add_argument("--module", default=shared.OPERATOR, help="the operator to hold to it")
    return parser.parse_args()


async def one(asked: argparse.Namespace, stage: Stage, report: Report) -> None:
    """A single run, after the clean one that it is held against."""
    scenario, _, what = asked.only.partition(":")
    if scenario == "walk":
        await runner.in_parallel([spec_edit_sequences.job(stage, int(what), asked.seed)], 1, report)
        return
    references = await runner.clean(stage, [scenario], asked.at_once, report)
    if what != "clean":
        await runner.faults(stage, [(scenario, Fault.read(what))], references, 1, report)
    if asked.log:
        for entry in report.results[-1].log.entries:
            say(f"  {entry}")


async def work(asked: argparse.Namespace, kubeconfig: Path) -> Report:
    """All that was asked for."""
    names: Sequence[str] = asked.scenario or sorted(SCENARIOS)
    report = Report()
    async with shared.stage(kubeconfig, asked.module, asked.keep) as stage:
        if asked.only:
            await one(asked, stage, report)
        elif asked.family == "walks":
            walked = spec_edit_sequences.jobs(stage, asked.runs, asked.seed)
            await runner.in_parallel(walked, asked.at_once, report)
        elif asked.family:
            references = await runner.clean(stage, names, asked.at_once, report)
            cases = faults.cases(asked.family, references.logs)
            await runner.faults(stage, cases, references, asked.at_once, report)
        else:
            report = await runner.everything(stage, asked.runs, asked.seed, names, asked.at_once)
    return report


def main() -> int:
    """The process."""
    asked = arguments()
    # As Ctrl-C does it, which a shell turns off for what it runs in the background: what was started
    # ends, and what was written goes.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    if asked.kubeconfig:
        report = asyncio.run(work(asked, asked.kubeconfig))
    else:
        sweep()
        own = Cluster(f"faults-{os.getpid()}")
        try:
            own.up(CONTROL_PLANE, 0, owner=this_process())
            report = asyncio.run(work(asked, own.kubeconfig))
        finally:
            own.down(images=True)
    if report.missed:
        say(f"{len(report.missed)} runs never came to their fault and are not counted")
    runner.summary(report)
    say(runner.last_line(report, asked.seed))
    return 1 if report.broken else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit("stopped")
