"""The fast cut of the family hostile tenant: every attack once, and a Job whose create came late."""

from __future__ import annotations

import pytest

from devcluster.cluster import Cluster

from . import runner
from .environment import shared
from .runner import PARALLEL_RUNS, Report
from .scenarios import hostile_tenant

pytestmark = [pytest.mark.cluster, pytest.mark.faults]


async def test_an_ordinary_job_does_not_notice_a_hostile_tenant(control_plane: Cluster) -> None:
    report, attacks = Report(), list(hostile_tenant.ATTACKS)
    async with shared.shared_environment(control_plane.kubeconfig) as shared_env:
        await runner.run_hostile_tenants(shared_env, attacks, PARALLEL_RUNS, report)
    assert not report.broken, report.violations()
    assert len(report.results) == len(attacks)


async def test_a_create_that_comes_late_trains_beside_nothing(control_plane: Cluster) -> None:
    report = Report()
    async with shared.shared_environment(control_plane.kubeconfig) as shared_env:
        await runner.reference_runs(shared_env, ["create-late"], PARALLEL_RUNS, report)
    assert not report.broken, report.violations()
