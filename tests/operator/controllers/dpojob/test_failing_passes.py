"""An unexpected error of the operator in the passes over one job."""

from __future__ import annotations

from typing import Any

import pytest
from tests.kit.operator.operated_cluster import (
    BATCH_SECONDS,
    Operated,
    of_a_sweep,
    operated,
)

from dpojob_operator.controllers.dpojob import reconciler
from dpojob_operator.controllers.work_queue import MAX_BACKOFF
from dpojob_operator.decide import Decision, PlanningRequest, Snapshot
from dpojob_operator.decide.steps import decide
from dpojob_operator.kube.resources import DPOJOBS

MINUTES = 60


class FailingDecide:
    """Decides as the operator does, except about the job "broken" while that is to fail."""

    def __init__(self) -> None:
        self.fails = True
        self.failures = 0

    def __call__(self, snapshot: Snapshot, now: Any) -> Decision | PlanningRequest:
        if snapshot.job.name == "broken" and self.fails:
            self.failures += 1
            raise ZeroDivisionError("of a secret number")
        return decide(snapshot, now)


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> FailingDecide:
    made = FailingDecide()
    monkeypatch.setattr(reconciler, "decide", made)
    return made


def conditions(found: Operated, name: str) -> dict[str, dict[str, Any]]:
    (job,) = (job for job in found.cluster.objects(DPOJOBS) if job["metadata"]["name"] == name)
    return {condition["type"]: condition for condition in job["status"]["conditions"]}


async def test_the_job_says_so_others_go_on_and_it_does_too_after_the_error(
    failing: FailingDecide,
) -> None:
    async with operated() as found:
        for name in ("broken", "other"):
            found.cluster.put(DPOJOBS, of_a_sweep(name))
        taken = await found.taken()
        assert taken["create jobs"] == 1
        assert conditions(found, "other")["Planned"]["status"] == "True"
        broken = conditions(found, "broken")
        assert set(broken) == {"Ready", "Stalled"}
        for type_, status in (("Ready", "False"), ("Stalled", "True")):
            assert (broken[type_]["status"], broken[type_]["reason"]) == (status, "ReconcileError")
            assert "unexpected ZeroDivisionError" in broken[type_]["message"]
            assert "secret" not in broken[type_]["message"]
        failing.fails = False
        await found.after(1.25 * MAX_BACKOFF)
        await found.after(BATCH_SECONDS)
        assert (await found.taken())["create jobs"] == 1
        recovered = conditions(found, "broken")
        assert recovered["Planned"]["status"] == "True"
        assert recovered["Stalled"]["status"] == "False"


async def test_the_passes_become_seldom_and_the_status_is_written_once(
    failing: FailingDecide,
) -> None:
    async with operated() as found:
        found.cluster.put(DPOJOBS, of_a_sweep("broken"))
        assert (await found.taken())["update dpojobs/status"] == 1
        assert failing.failures == 1, "its own write is no reason to look again"
        for _ in range(MINUTES):
            await found.after(60)
        assert MINUTES / 4 < failing.failures < 2 * MINUTES
        assert (await found.taken())["update dpojobs/status"] == 0
