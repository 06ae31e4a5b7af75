"""Runs the sweeps, many runs at a time, and reports the violations."""

from __future__ import annotations

import asyncio
import os
import random
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field

from . import sweep
from .environment.fixture import SharedEnvironment
from .injection.fault_types import Fault
from .injection.request_log import Log
from .runs import Result, run
from .scenarios.catalogue import SCENARIOS
from .sweep import Case

PARALLEL_RUNS = 16
"""Runs at a time of the fast cuts, which share the machine with other tests."""

ATTACKS_AT_ONCE = 4
"""Attacks at a time: they load one API server, and a job's time beside one shall not be that of the others."""


def parallel_runs() -> int:
    """Runs at a time: mostly they wait, so several per core."""
    return max(6, 6 * (os.cpu_count() or 1))


def print_line(text: str) -> None:
    """A line, at once."""
    print(text, flush=True)


@dataclass
class Report:
    """The outcomes of all runs."""

    results: list[Result] = field(default_factory=list)
    missed: list[Result] = field(default_factory=list)
    """Runs that ended before the point of their fault: not counted."""

    @property
    def broken(self) -> list[Result]:
        """Runs with violations."""
        return [result for result in self.results if result.violations]

    def violations(self) -> str:
        """A line for each violation, with the name of its run."""
        return "\n".join(f"{result.name}: {v}" for result in self.broken for v in result.violations)

    def add(self, result: Result) -> None:
        """Counts a run and prints its violations."""
        counts = result.fired or bool(result.violations)
        (self.results if counts else self.missed).append(result)
        for violation in result.violations:
            print_line(f"VIOLATION in {result.name}\n  {violation}")


@dataclass
class References:
    """The clean runs: what every other run of a scenario is compared with."""

    ends: dict[str, str] = field(default_factory=dict)
    logs: dict[str, Log] = field(default_factory=dict)


async def in_parallel(
    work: Iterable[Callable[[], Awaitable[Result]]], limit: int, report: Report
) -> None:
    """Runs all, at most `limit` at a time, and prints a progress line every 20 runs."""
    jobs = list(work)
    limiter, began, done = asyncio.Semaphore(limit), time.monotonic(), 0

    async def one(job: Callable[[], Awaitable[Result]]) -> None:
        nonlocal done
        async with limiter:
            report.add(await job())
        done += 1
        if done % 20 == 0:
            taken = time.monotonic() - began
            print_line(f"  {done} of {len(jobs)} runs, {len(report.broken)} broken, {taken:.0f} s")

    async with asyncio.TaskGroup() as group:
        for job in jobs:
            group.create_task(one(job))


async def reference_runs(
    shared_env: SharedEnvironment, names: Sequence[str], limit: int, report: Report
) -> References:
    """Each scenario without a fault, twice: the end must be the same both times."""
    first, second = Report(), Report()
    for into, known in ((first, first), (second, first)):
        ends = {result.scenario: result.end for result in known.results}
        work = [_job(shared_env, name, None, ends.get(name)) for name in names]
        await in_parallel(work, limit, into)
    for result in (*first.results, *second.results):
        report.results.append(result)
    return references_of([*first.results, *second.results])


def references_of(clean: Sequence[Result]) -> References:
    """Chooses of each scenario's clean runs the one with the fewest writes.

    A status is written more often in a run that takes longer, and a fault at a write that other runs do not make is
    never reached.
    """
    made = References()
    for result in sorted(clean, key=lambda result: len(result.log.writes), reverse=True):
        made.ends[result.scenario], made.logs[result.scenario] = result.end, result.log
    return made


def _job(
    shared_env: SharedEnvironment,
    name: str,
    fault: Fault | None,
    reference: str | None,
) -> Callable[[], Awaitable[Result]]:
    return lambda: run(shared_env, SCENARIOS[name], fault, reference)


async def run_faults(
    shared_env: SharedEnvironment,
    cases: Sequence[Case],
    references: References,
    limit: int,
    report: Report,
) -> None:
    """Each case once."""
    work = [_job(shared_env, name, fault, references.ends[name]) for name, fault in cases]
    await in_parallel(work, limit, report)


async def run_hostile_tenants(
    shared_env: SharedEnvironment, attacks: Sequence[str], limit: int, report: Report
) -> None:
    """The ordinary job without an attack, then beside each of these."""
    from .scenarios import hostile_tenant

    clean = await hostile_tenant.run(shared_env, hostile_tenant.CLEAN, None)
    report.add(clean)
    if clean.violations:
        return
    jobs = hostile_tenant.jobs(shared_env, clean, attacks)
    await in_parallel(jobs, min(limit, ATTACKS_AT_ONCE), report)


async def run_all(
    shared_env: SharedEnvironment, runs: int, seed: int, names: Sequence[str], limit: int
) -> Report:
    """The clean runs, the hostile tenants, the sweeps and the sequences of edits.

    They are `runs` in all, or more if too few are left.
    """
    from .scenarios import hostile_tenant, spec_edit_sequences

    report = Report()
    print_line(f"clean runs of {len(names)} scenarios")
    references = await reference_runs(shared_env, names, limit, report)
    if report.broken:
        print_line("the clean runs break rules already: nothing to hold the others against")
        return report
    writes = sum(len(log.writes) for log in references.logs.values())
    requests = sum(len(log.entries) for log in references.logs.values())
    print_line(f"they made {requests} requests, {writes} of them writes")
    left = max(0, runs - len(report.results) - len(hostile_tenant.ATTACKS))
    edited = round(left * spec_edit_sequences.SHARE)
    chosen = sweep.choose(references.logs, left - edited, random.Random(seed))
    random.Random(seed).shuffle(chosen)
    kinds = Counter(fault.action for _, fault in chosen)
    print_line(
        f"{len(chosen)} faults: {', '.join(f'{n} {kind}' for kind, n in sorted(kinds.items()))}"
    )
    print_line(f"{len(hostile_tenant.ATTACKS)} runs beside a hostile tenant")
    await run_hostile_tenants(shared_env, list(hostile_tenant.ATTACKS), limit, report)
    await run_faults(shared_env, chosen, references, limit, report)
    print_line(f"{edited} sequences of edits between specs")
    await in_parallel(spec_edit_sequences.jobs(shared_env, edited, seed), limit, report)
    random_ = random.Random(seed)
    while (short := runs - len(report.results)) > 0:
        more = sweep.others(references.logs, chosen, short, random_)
        if not more:
            break
        print_line(
            f"{len(report.missed)} runs did not reach their fault; {len(more)} others instead"
        )
        chosen += more
        await run_faults(shared_env, more, references, limit, report)
    return report


def last_line(report: Report, seed: int) -> str:
    """What `make faults` ends with."""
    violations = sum(len(result.violations) for result in report.results)
    return f"{len(report.results)} runs, {violations} violations, seed {seed}"


def summary(report: Report) -> None:
    """Which rules broke where, to standard error."""
    rules = Counter(v.rule for result in report.broken for v in result.violations)
    for rule, number in rules.most_common():
        print(f"  {number} x {rule}", file=sys.stderr)
