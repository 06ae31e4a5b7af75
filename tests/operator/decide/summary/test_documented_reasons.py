"""The tables in docs/operate.md say where each wait and each failure shows, as real objects and readers have it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from prometheus_client import REGISTRY
from rich.console import Console
from tests.kit.examples import lua
from tests.kit.go_programs import kstatus
from tests.kit.operator.waits.decided_jobs import DecidedJob
from tests.kit.operator.waits.documented_table import FAILURES, WAITS, Row
from tests.kit.operator.waits.failing_jobs import failing_jobs
from tests.kit.operator.waits.waiting_jobs import waiting_jobs
from tests.kit.repository import ROOT

from dpojob.views.status_view import status_view
from dpojob_api import crd
from dpojob_api.conditions import ConditionType, Reason
from dpojob_operator.controllers.dpojob import Resync
from dpojob_operator.controllers.dpojob.status_metrics import count_changes
from dpojob_operator.decide.summary import ADVICE
from dpojob_operator.kube.resources import DPOJOBS

HEALTH = ROOT / "examples/argocd/dpojob.dev/DPOJob/health.lua"
OF_OTHER_CONDITIONS = {
    # Reasons of DatasetValid, TrainingHealthy, Improved, Suspended, QueueLabelsApplied and Stalled while the job goes on.
    "Valid", "ValidWithWarnings", "RowsDropped", "Healthy", "NaNLoss",
    "AccuracySaturatedEarly", "ChosenCollapse", "MarginFlat", "Overfitting", "RewardHacking", "BetterThanBase",
    "NotBetter", "LongerOnly", "TaskRegressed", "RequirementNotMet", "Inconclusive", "NotEvaluated", "NotSuspended",
    "Resumed", "Stopped", "QueueEditNotApplied", "QueueEditApplied", "InProgress",
    # Reasons of complete jobs, of Events, of pools and of quotas.
    "Completed", "Validated", "BatchHalved", "NodesFound", "ScaledToZero", "PoolUnreadable", "CostCounted", "WithinCostQuota",
}  # fmt: skip


@dataclass(frozen=True)
class Shown:
    """What the readers show of one job."""

    reason: str
    phase: str
    argocd: str
    kstatus: str
    metric: str
    command: str

    def disagreements(self, row: Row) -> list[str]:
        """The cells of a row that say something else."""
        agreed = {
            "PHASE": self.phase in row.phases,
            "Argo CD": self.argocd == row.argocd,
            "kstatus": self.kstatus == row.kstatus,
            "metric": self.metric == row.metric,
            "dpojob status": row.printed.search(self.command) is not None,
        }
        return [f"{row.reason}: {cell}, {self}" for cell, agrees in agreed.items() if not agrees]


def shown(jobs: Sequence[DecidedJob], metrics: Iterable[str]) -> list[Shown]:
    """What is shown of each job; its series are given."""
    objects = [each.job.wire() for each in jobs]
    health = [found["status"] for found in lua.run(HEALTH, objects)]
    read = zip(jobs, health, kstatus.compute(objects), metrics, strict=True)
    return [
        Shown(ready_reason(job), job.status.phase, argocd, computed, metric, printed(job))
        for job, argocd, computed, metric in read
    ]


def ready_reason(job: DecidedJob) -> str:
    ready = job.status.condition(ConditionType.READY)
    assert ready is not None
    return ready.reason


def printed(job: DecidedJob) -> str:
    """What `dpojob status` prints, on one line."""
    console = Console(width=500)
    with console.capture() as capture:
        console.print(status_view(job.job.wire()))
    return " ".join(capture.get().split())


class Listing:
    """A stand-in for the API client and the sink: the DPOJobs are these, and there is nothing else."""

    def __init__(self, jobs: Sequence[DecidedJob]) -> None:
        self.jobs = jobs

    async def scan(self, resource: Any, _: Any, __: Any, take: Any) -> int:
        if resource is DPOJOBS:
            for number, job in enumerate(self.jobs):
                raw = job.job.wire()
                raw["metadata"] |= {"namespace": f"listed-{number}", "resourceVersion": "1"}
                take(raw)
        return 1

    def take_object(self, *_: Any) -> None:
        """Keeps nothing."""

    def take_list(self, *_: Any) -> None:
        """Keeps nothing."""


async def unfinished(jobs: Sequence[DecidedJob]) -> list[str]:
    """The series in which a listing counts each job; empty where it counts it in none."""
    listing: Any = Listing(jobs)
    resync = Resync(listing, (), 60.0, 15.0, lambda key: None, listing)
    task = asyncio.create_task(resync.run())
    await resync.listed.wait()
    task.cancel()
    name = "dpojob_unfinished_jobs"
    counted = {
        sample.labels["namespace"]: f'{name}{{reason="{sample.labels["reason"]}"}}'
        for family in REGISTRY.collect()
        for sample in family.samples
        if sample.name == name
    }
    return [counted.get(f"listed-{number}", "") for number in range(len(jobs))]


def ended(job: DecidedJob) -> str:
    """The series that the write of a job's end adds one to."""
    labels = {"condition": "Failed", "reason": ready_reason(job)}
    before = REGISTRY.get_sample_value("dpojob_finished_total", labels) or 0.0
    count_changes(job.snapshot, job.status, "USD")
    assert REGISTRY.get_sample_value("dpojob_finished_total", labels) == before + 1
    return f'dpojob_finished_total{{condition="Failed",reason="{labels["reason"]}"}}'


def check(rows: Sequence[Row], found: Sequence[Shown]) -> None:
    """Each job is as its row says, and each row's phases are those of its jobs."""
    by_reason = {row.reason: row for row in rows}
    assert len(by_reason) == len(rows), "a reason has one row"
    assert {each.reason for each in found} == by_reason.keys()
    assert [text for each in found for text in each.disagreements(by_reason[each.reason])] == []
    for row in rows:
        assert row.phases == {each.phase for each in found if each.reason == row.reason}, row.reason


async def test_every_cell_of_a_wait_is_what_its_readers_show() -> None:
    jobs = waiting_jobs()
    check(WAITS, shown(jobs, await unfinished(jobs)))


def test_every_cell_of_a_failure_is_what_its_readers_show() -> None:
    jobs = failing_jobs()
    check(FAILURES, shown(jobs, map(ended, jobs)))


def test_the_columns_of_kubectl_are_the_phase_and_the_reason_of_ready() -> None:
    (version,) = crd.dpojob_crd()["spec"]["versions"]
    paths = {each["name"]: each["jsonPath"] for each in version["additionalPrinterColumns"]}
    assert paths["PHASE"] == ".status.phase"
    assert paths["REASON"] == '.status.conditions[?(@.type=="Ready")].reason'


def test_each_reason_has_its_row_or_is_of_another_condition() -> None:
    documented = {row.reason for row in (*WAITS, *FAILURES)}
    assert documented | OF_OTHER_CONDITIONS == {str(reason) for reason in Reason}
    assert not documented & OF_OTHER_CONDITIONS


@pytest.mark.parametrize("reason", sorted(ADVICE))
def test_every_wait_with_advice_is_in_the_table(reason: str) -> None:
    assert reason in {row.reason for row in WAITS}
