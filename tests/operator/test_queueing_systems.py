"""A queueing system holds, admits and evicts the training Job, as Kueue does; the operator never overrides it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.kit import fake_kueue
from tests.kit.operator_fixture import Process, World, dpojob

pytestmark = pytest.mark.cluster


@pytest.fixture
def queue(world: World, tmp_path: Path) -> Any:
    with fake_kueue.webhook(world, tmp_path):
        yield


def queued(name: str) -> dict[str, Any]:
    manifest = dpojob(name)
    manifest["metadata"]["labels"] = dict(fake_kueue.QUEUE)
    return manifest


def held(world: World, name: str) -> dict[str, Any]:
    """The training Job, once its DPOJob says that the queue holds it and no pod is left."""

    def holds() -> dict[str, Any] | None:
        says = world.condition(name, "Suspended")[:2] == ("True", "SuspendedByQueue")
        jobs = world.list("jobs", job=name, stage="train")
        pods = world.list("pods", job=name, stage="train")
        return jobs[0] if says and jobs and not pods else None

    return dict(world.until("the queue holds it", holds))


def test_a_job_is_held_admitted_evicted_and_admitted_again(
    world: World, operator: Process, queue: None
) -> None:
    world.apply(queued("kueued"))
    world.inspected("kueued")
    job = held(world, "kueued")["metadata"]["name"]
    world.until("phase Queued", lambda: world.status("kueued")["phase"] == "Queued")
    assert world.condition("kueued", "Training")[:2] == ("False", "SuspendedByQueue")

    world.patch_job(job, fake_kueue.admission())
    first = world.pod("kueued", "train", 1)
    assert fake_kueue.FLAVOR.items() <= first["spec"]["nodeSelector"].items()
    world.until("it trains", lambda: world.condition("kueued", "Training")[0] == "True")
    assert world.condition("kueued", "Suspended")[:2] == ("False", "Resumed")

    world.patch_job(job, fake_kueue.eviction())
    eviction_message = held(world, "kueued")
    assert eviction_message["spec"]["suspend"], "what the queue decides stays"
    world.until("phase Suspended", lambda: world.status("kueued")["phase"] == "Suspended")
    assert world.condition("kueued", "Training")[0] == "False"
    paid = world.status("kueued")["attempts"][0]["gpuSeconds"]

    world.patch_job(job, fake_kueue.template_restoration())
    world.patch_job(job, fake_kueue.admission())
    world.trained("kueued", resumedFrom=50)
    world.until_condition("kueued", "Complete", "Completed")
    (attempt,) = world.status("kueued")["attempts"]
    assert (attempt["outcome"], attempt["firstStep"]) == ("Succeeded", 50)
    assert attempt["gpuSeconds"] >= paid
    assert (
        world.list("jobs", job="kueued", stage="train")[0]["metadata"]["uid"]
        == (eviction_message["metadata"]["uid"])
    )


def test_a_queued_job_is_suspended_by_its_user(
    world: World, operator: Process, queue: None
) -> None:
    world.apply(queued("both"))
    world.inspected("both")
    held(world, "both")
    world.suspend("both", True)
    world.until("it is withdrawn", lambda: not world.list("jobs", job="both", stage="train"))
    world.until("phase Suspended", lambda: world.status("both")["phase"] == "Suspended")
    world.suspend("both", False)
    world.patch_job(held(world, "both")["metadata"]["name"], fake_kueue.admission())
    world.trained("both", attempt=2)
    world.until_condition("both", "Complete", "Completed")
    assert [a["outcome"] for a in world.status("both")["attempts"]] == ["Suspended", "Succeeded"]
