"""Pools that are edited, deleted, filled and emptied while jobs wait for them or run on them."""

from __future__ import annotations

from typing import Any

import pytest
from tests.kit.operator_fixture import JobNamespace, Process, pool

pytestmark = pytest.mark.cluster
NOWHERE = {"test": "nowhere"}
PAIR = {"model": "T4", "memoryGiB": 16, "bf16": False, "perNode": 2}


def waits_for_room(job_namespace: JobNamespace, name: str) -> None:
    """A job whose pool has no node: its training Job stands, and its pod has nowhere to go."""
    job_namespace.apply(
        pool(job_namespace.namespace, job_namespace.namespace, nodeSelector=NOWHERE)
    )
    job_namespace.job(name)
    job_namespace.inspected(name)
    job_namespace.until_condition(name, "Training", "NoNodeFits")


def planned(job_namespace: JobNamespace, name: str) -> str:
    return str((job_namespace.status(name).get("plan") or {}).get("pool", ""))


def test_a_waiting_job_follows_its_pool_and_a_running_one_keeps_its_plan(
    job_namespace: JobNamespace, operator: Process
) -> None:
    waits_for_room(job_namespace, "waiter")
    assert job_namespace.status("waiter")["phase"] == "Queued"
    job_namespace.apply(pool(job_namespace.namespace, job_namespace.namespace))
    job_namespace.pod("waiter", "train", 2)
    attempts = job_namespace.status("waiter")["attempts"]
    assert [a.get("outcome") for a in attempts] == ["Replanned", None]
    job_namespace.apply(pool(job_namespace.namespace, job_namespace.namespace, hourlyPrice="9.00"))
    job_namespace.trained("waiter", attempt=2)
    job_namespace.until_condition("waiter", "Complete", "Completed")
    assert job_namespace.status("waiter")["plan"]["hourlyPrice"] == "3600"


def test_a_deleted_pool_moves_waiting_jobs_and_not_running_ones(
    job_namespace: JobNamespace, operator: Process
) -> None:
    first, second = job_namespace.namespace, f"{job_namespace.namespace}-b"
    job_namespace.job("runs")
    job_namespace.inspected("runs")
    job_namespace.pod("runs", "train")
    waits_for_room(job_namespace, "waits")
    job_namespace.apply(pool(second, job_namespace.namespace, hourlyPrice="7200"))
    job_namespace.kubectl("delete", "gpupool", first)
    job_namespace.pod("waits", "train", 2)
    assert planned(job_namespace, "waits") == second
    job_namespace.trained("runs")
    job_namespace.trained("waits", attempt=2)
    job_namespace.until_condition("runs", "Complete", "Completed")
    job_namespace.until_condition("waits", "Complete", "Completed")
    assert planned(job_namespace, "runs") == first
    assert len(job_namespace.status("runs")["attempts"]) == 1


def test_a_waiting_job_fails_when_no_pool_is_left(
    job_namespace: JobNamespace, operator: Process
) -> None:
    waits_for_room(job_namespace, "waits")
    job_namespace.kubectl("delete", "gpupool", job_namespace.namespace)
    job_namespace.until_condition("waits", "Failed", "NoPools")
    assert job_namespace.condition("waits", "Planned")[:2] == ("False", "NoPools")
    job_namespace.until(
        "nothing runs", lambda: not job_namespace.list("jobs", job="waits", stage="train")
    )


def test_free_gpus_of_another_pool_are_used_only_with_next_pool_and_by_one_job(
    job_namespace: JobNamespace, operator: Process
) -> None:
    """The only node is full; another, dearer pool gets one."""
    from devcluster.control_plane.kwok import node_json

    dear, node = f"{job_namespace.namespace}-dear", f"node-{job_namespace.namespace}-dear"
    labels = {"test": f"{job_namespace.namespace}-dear"}
    job_namespace.apply(pool(job_namespace.namespace, job_namespace.namespace, gpu=PAIR))
    job_namespace.job("hog", hardware={"gpus": 2})
    job_namespace.inspected("hog")
    job_namespace.pod("hog", "train")
    job_namespace.until(
        "the pool is full", lambda: free(job_namespace, job_namespace.namespace) == 0
    )
    job_namespace.job("patient", hardware={"gpus": 2})
    hasty = [f"hasty-{number}" for number in range(3)]
    for name in hasty:
        job_namespace.job(name, hardware={"gpus": 2, "whenFull": "NextPool"})
    for name in ("patient", *hasty):
        job_namespace.inspected(name)
        job_namespace.until_condition(name, "Training", "Queued")
    job_namespace.cluster.add_kwok_node(node_json(node, 2, "nvidia.com/gpu", labels))
    try:
        job_namespace.apply(
            pool(dear, job_namespace.namespace, gpu=PAIR, hourlyPrice="9000", nodeSelector=labels)
        )
        job_namespace.until(
            "one moved", lambda: [n for n in hasty if planned(job_namespace, n) == dear]
        )
        job_namespace.until("its GPUs are counted", lambda: free(job_namespace, dear) == 0)
        (moved,) = [name for name in hasty if planned(job_namespace, name) == dear]
        job_namespace.pod(moved, "train", 2)
        waiting = ["patient", *(name for name in hasty if name != moved)]
        for name in waiting:
            assert planned(job_namespace, name) == job_namespace.namespace
            assert len(job_namespace.status(name)["attempts"]) == 1
        job_namespace.trained("hog")
        job_namespace.until(
            "the first pool's GPUs are taken by one that waited",
            lambda: [n for n in waiting if job_namespace.condition(n, "Training")[0] == "True"],
        )
    finally:
        job_namespace.kubectl("delete", "node", node, "--wait=false", check=False)


def free(job_namespace: JobNamespace, name: str) -> Any:
    found = job_namespace.get("gpupool", name) or {}
    return (found.get("status") or {}).get("free")
