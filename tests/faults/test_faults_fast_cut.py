"""The fast cut of the fault harness: every crash point of two scenarios, and the control is caught."""

from __future__ import annotations

import random
from collections.abc import Collection
from dataclasses import replace

import pytest

from devcluster.cluster import Cluster

from . import runner, sweep
from .environment import shared
from .injection.fault_types import Fault, Point
from .runner import PARALLEL_RUNS, Report
from .runs import run
from .scenarios.catalogue import SCENARIOS

pytestmark = [pytest.mark.cluster, pytest.mark.faults]
OTHER_RUNS = 12
"""Runs of the other families."""
CONTROL_TIME_LIMIT = 20.0
"""Seconds for the control, which often waits for ever."""


async def test_every_crash_point_of_two_scenarios(control_plane: Cluster) -> None:
    report, names = Report(), ["inspect-fails", "succeeds"]
    async with shared.shared_environment(control_plane.kubeconfig) as shared_env:
        references = await runner.reference_runs(shared_env, names, PARALLEL_RUNS, report)
        assert not report.broken, report.violations()
        cases = sweep.cases("crashes", references.logs)
        assert len(cases) == 2 * sum(len(log.writes) for log in references.logs.values())
        for family in ("errors", "watches", "stale"):
            cases += random.Random(1).sample(sweep.cases(family, references.logs), OTHER_RUNS // 3)
        await runner.run_faults(shared_env, cases, references, PARALLEL_RUNS, report)
    assert not report.broken, report.violations()
    assert len(report.missed) < len(cases) / 4, "most crash points must be reached"


async def test_a_job_deleted_while_its_training_job_is_looked_for(control_plane: Cluster) -> None:
    """The operator dies with the create unanswered; its successor reads the DPOJob, then both go.

    An absent training Job then means nothing: making it again would be a second one.
    """
    report = Report()
    async with shared.shared_environment(control_plane.kubeconfig) as shared_env:
        references = await runner.reference_runs(shared_env, ["deleted"], PARALLEL_RUNS, report)
        log = references.logs["deleted"]
        made = [entry.write for entry in log.writes if str(entry.kind) == "create jobs"]
        cases = [("deleted", Fault("crash-late", Point(None, n))) for n in (made[-1], made[-1] + 1)]
        await runner.run_faults(shared_env, cases, references, PARALLEL_RUNS, report)
    assert not report.broken, report.violations()


async def run_control(
    control_plane: Cluster, module: str, family: str, actions: Collection[str]
) -> Report:
    """Runs a negative control through a scenario without a fault, and then with those of a family."""
    report = Report()
    async with shared.shared_environment(control_plane.kubeconfig, module) as shared_env:
        clean = await run(shared_env, SCENARIOS["succeeds"], None, None)
        assert not clean.violations, "the control works as long as nothing fails"
        cases = sweep.cases(family, {"succeeds": clean.log})
        cases = [(name, fault) for name, fault in cases if fault.action in actions]
        references = runner.References({"succeeds": clean.end}, {"succeeds": clean.log})
        hasty = replace(shared_env, time_limit=CONTROL_TIME_LIMIT)
        await runner.run_faults(hasty, cases, references, PARALLEL_RUNS, report)
    return report


async def test_a_naive_operator_is_caught(control_plane: Cluster) -> None:
    """It carries a job through, and breaks the promise as soon as it is killed at its writes."""
    crashes = ("crash-before", "crash-after")
    report = await run_control(control_plane, shared.NAIVE, "crashes", crashes)
    rules = {violation.rule for result in report.broken for violation in result.violations}
    assert "at most one training Job per UID and attempt" in rules
    assert "it converges and then stays unchanged" in rules


async def test_an_operator_that_trusts_its_stores_is_caught(control_plane: Cluster) -> None:
    """It carries a job through, and ends it when a restart begins with old lists."""
    report = await run_control(control_plane, shared.TRUSTING, "stale", ("crash-stale",))
    evidence = report.violations()
    assert "JobDeleted, not Completed" in evidence, evidence
