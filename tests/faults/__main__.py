"""`python -m tests.faults`: checks docs/promise.md against a real API server, under injected faults.

python -m tests.faults --runs 2000              # what `make faults` runs
python -m tests.faults --scenario succeeds      # all crash points of one scenario, and more
python -m tests.faults --only 'succeeds:crash-after@write#3'
python -m tests.faults --family crashes         # crashes, stale, errors or watches: all of them
python -m tests.faults --family spec-edits --runs 20   # that number of sequences of edits
python -m tests.faults --family hostile-tenant  # an ordinary job beside each attack of a tenant

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
from . import sweep as fault_sweep
from .environment import shared
from .environment.fixture import CONVERGE_SECONDS, SharedEnvironment
from .injection.fault_types import Fault
from .runner import Report, print_line
from .scenarios import hostile_tenant, spec_edit_sequences
from .scenarios.catalogue import SCENARIOS


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
    parser.add_argument("--runs", type=int, default=2000, help="how many in all (default 2000)")
    parser.add_argument("--seed", type=int, default=1, help="of every choice (default 1)")
    parser.add_argument("--scenario", choices=sorted(SCENARIOS), action="append", help="only these")
    parser.add_argument("--only", metavar="RUN", help="one run, as a violation names it")
    parser.add_argument(
        "--family",
        choices=[
            *sorted(fault_sweep.FAMILIES),
            spec_edit_sequences.FAMILY,
            hostile_tenant.FAMILY,
        ],
        help="one sweep, whole",
    )
    parser.add_argument(
        "--at-once", type=int, default=runner.parallel_runs(), help="runs at a time"
    )
    parser.add_argument(
        "--time-limit",
        type=float,
        default=CONVERGE_SECONDS,
        help="seconds for which nothing may change in a run that waits for something "
        f"(default {CONVERGE_SECONDS:.0f})",
    )
    parser.add_argument("--kubeconfig", type=Path, help="an API server that runs already")
    parser.add_argument("--keep", type=Path, help="directory in which the operators' logs stay")
    parser.add_argument("--log", action="store_true", help="with --only: print every request")
    parser.add_argument("--module", default=shared.OPERATOR, help="the operator to hold to it")
    return parser.parse_args()


async def one(args: argparse.Namespace, shared_env: SharedEnvironment, report: Report) -> None:
    """A single run, after the clean run that it is compared with."""
    scenario, _, what = args.only.partition(":")
    if scenario == spec_edit_sequences.FAMILY:
        await runner.in_parallel(
            [spec_edit_sequences.job(shared_env, int(what), args.seed)], 1, report
        )
        return
    if scenario == hostile_tenant.FAMILY:
        await runner.run_hostile_tenants(shared_env, [what], 1, report)
        return
    references = await runner.reference_runs(shared_env, [scenario], args.at_once, report)
    if what != "clean":
        await runner.run_faults(shared_env, [(scenario, Fault.read(what))], references, 1, report)
    if args.log:
        for entry in report.results[-1].log.entries:
            print_line(f"  {entry}")


async def work(args: argparse.Namespace, kubeconfig: Path) -> Report:
    """Runs what the command line asks for."""
    names: Sequence[str] = args.scenario or sorted(SCENARIOS)
    report = Report()
    async with shared.shared_environment(
        kubeconfig, args.module, args.keep, args.time_limit
    ) as shared_env:
        if args.only:
            await one(args, shared_env, report)
        elif args.family == spec_edit_sequences.FAMILY:
            sequences = spec_edit_sequences.jobs(shared_env, args.runs, args.seed)
            await runner.in_parallel(sequences, args.at_once, report)
        elif args.family == hostile_tenant.FAMILY:
            attacks = list(hostile_tenant.ATTACKS)
            await runner.run_hostile_tenants(shared_env, attacks, args.at_once, report)
        elif args.family:
            references = await runner.reference_runs(shared_env, names, args.at_once, report)
            cases = fault_sweep.cases(args.family, references.logs)
            await runner.run_faults(shared_env, cases, references, args.at_once, report)
        else:
            report = await runner.run_all(shared_env, args.runs, args.seed, names, args.at_once)
    return report


def main() -> int:
    """Runs the command; returns the exit status."""
    args = arguments()
    # As Ctrl-C does it, which a shell turns off for what it runs in the background: what was started
    # ends, and what was written goes.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    if args.kubeconfig:
        report = asyncio.run(work(args, args.kubeconfig))
    else:
        sweep()
        own = Cluster(f"faults-{os.getpid()}")
        try:
            own.up(CONTROL_PLANE, 0, owner=this_process())
            report = asyncio.run(work(args, own.kubeconfig))
        finally:
            own.down(images=True)
    if report.missed:
        print_line(f"{len(report.missed)} runs did not reach their fault and are not counted")
    runner.summary(report)
    print_line(runner.last_line(report, args.seed))
    return 1 if report.broken else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit("stopped")
