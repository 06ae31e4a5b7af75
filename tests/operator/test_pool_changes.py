"""Pools that are edited, deleted, filled and emptied while jobs wait for them or run on them."""

from __future__ import annotations

from typing import Any

import pytest
from tests.kit.operator_fixture import Process, World, pool

pytestmark = pytest.mark.cluster
NOWHERE = {"test": "nowhere"}
PAIR = {"model": "T4", "memoryGiB": 16, "bf16": False, "perNode": 2}


def waits_for_room(world: World, name: str) -> None:
    """A job whose pool has no node: its training Job stands, and its pod has nowhere to go."""
    world.apply(pool(world.namespace, world.namespace, nodeSelector=NOWHERE))
    world.job(name)
    world.inspected(name)
    world.until_condition(name, "Training", "Queued")


def planned(world: World, name: str) -> str:
    return str((world.status(name).get("plan") or {}).get("pool", ""))


def test_a_waiting_job_follows_its_pool_and_a_running_one_keeps_its_plan(
    world: World, operator: Process
) -> None:
    waits_for_room(world, "waiter")
    assert world.status("waiter")["phase"] == "Queued"
    world.apply(pool(world.namespace, world.namespace))
    world.pod("waiter", "train", 2)
    attempts = world.status("waiter")["attempts"]
    assert [a.get("outcome") for a in attempts] == ["Replanned", None]
    world.apply(pool(world.namespace, world.namespace, hourlyPrice="9.00"))
    world.trained("waiter", attempt=2)
    world.until_condition("waiter", "Complete", "Completed")
    assert world.status("waiter")["plan"]["hourlyPrice"] == "3600"


def test_a_deleted_pool_moves_waiting_jobs_and_not_running_ones(
    world: World, operator: Process
) -> None:
    first, second = world.namespace, f"{world.namespace}-b"
    world.job("runs")
    world.inspected("runs")
    world.pod("runs", "train")
    waits_for_room(world, "waits")
    world.apply(pool(second, world.namespace, hourlyPrice="7200"))
    world.kubectl("delete", "gpupool", first)
    world.pod("waits", "train", 2)
    assert planned(world, "waits") == second
    world.trained("runs")
    world.trained("waits", attempt=2)
    world.until_condition("runs", "Complete", "Completed")
    world.until_condition("waits", "Complete", "Completed")
    assert planned(world, "runs") == first
    assert len(world.status("runs")["attempts"]) == 1


def test_a_waiting_job_fails_when_no_pool_is_left(world: World, operator: Process) -> None:
    waits_for_room(world, "waits")
    world.kubectl("delete", "gpupool", world.namespace)
    world.until_condition("waits", "Failed", "NoPools")
    assert world.condition("waits", "Planned")[:2] == ("False", "NoPools")
    world.until("nothing runs", lambda: not world.list("jobs", job="waits", stage="train"))


def test_free_gpus_of_another_pool_are_used_only_with_next_pool(
    world: World, operator: Process
) -> None:
    """The only node is full; another, dearer pool gets one."""
    from devcluster.control_plane.kwok import node_json

    dear, node = f"{world.namespace}-dear", f"node-{world.namespace}-dear"
    labels = {"test": f"{world.namespace}-dear"}
    world.apply(pool(world.namespace, world.namespace, gpu=PAIR))
    world.job("hog", hardware={"gpus": 2})
    world.inspected("hog")
    world.pod("hog", "train")
    world.until("the pool is full", lambda: free(world, world.namespace) == 0)
    world.job("patient", hardware={"gpus": 2})
    world.job("hasty", hardware={"gpus": 2, "whenFull": "NextPool"})
    for name in ("patient", "hasty"):
        world.inspected(name)
        world.until_condition(name, "Training", "Queued")
    world.cluster.add_kwok_node(node_json(node, 2, "nvidia.com/gpu", labels))
    try:
        world.apply(pool(dear, world.namespace, gpu=PAIR, hourlyPrice="9000", nodeSelector=labels))
        world.pod("hasty", "train", 2)
        assert planned(world, "hasty") == dear
        assert planned(world, "patient") == world.namespace
        world.trained("hog")
        world.pod("patient", "train", 1)
    finally:
        world.kubectl("delete", "node", node, "--wait=false", check=False)


def free(world: World, name: str) -> Any:
    found = world.get("gpupool", name) or {}
    return (found.get("status") or {}).get("free")
