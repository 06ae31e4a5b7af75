"""The status of GPUPools, from nodes and pods."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from dpojob_api.pool import GPUPool
from dpojob_operator.controllers.gpupool import planner_pool_state
from dpojob_operator.controllers.gpupool.pool_capacity import pool_status

NOW = datetime(2026, 11, 23, tzinfo=UTC)


def pool(**spec: Any) -> GPUPool:
    return GPUPool.model_validate(
        {
            "metadata": {"name": "p", "generation": 2},
            "spec": {
                "gpu": {"model": "T4", "memoryGiB": 16, "perNode": 2},
                "nodeSelector": {"kind": "t4"},
                **spec,
            },
        }
    )


def node(name: str, gpus: int = 2, **facts: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": name, "labels": facts.get("labels", {"kind": "t4"})},
        "spec": {"unschedulable": facts.get("cordoned", False)},
        "status": {
            "allocatable": {"nvidia.com/gpu": str(gpus)} if gpus else {},
            "conditions": [{"type": "Ready", "status": facts.get("ready", "True")}],
        },
    }


def pod(where: str | None, gpus: int) -> dict[str, Any]:
    limits = {"limits": {"nvidia.com/gpu": str(gpus)}}
    return {"spec": {"nodeName": where, "containers": [{"resources": limits}]}}


@pytest.mark.parametrize(
    ("nodes", "pods", "counts", "reason"),
    [
        ([], [], (0, 0, 0), "ScaledToZero"),
        ([node("a"), node("b")], [pod("a", 1)], (2, 4, 3), "NodesFound"),
        ([node("a"), node("b", labels={"kind": "cpu"})], [], (1, 2, 2), "NodesFound"),
        ([node("a"), node("b", cordoned=True)], [pod("b", 2)], (2, 2, 2), "NodesFound"),
        ([node("a"), node("b", ready="Unknown")], [], (2, 2, 2), "NodesFound"),
        ([node("a")], [pod(None, 2)], (1, 2, 2), "NodesFound"),
        ([node("a", gpus=0)], [], (0, 0, 0), "InvalidPool"),
        ([node("a", gpus=1)], [], (1, 1, 1), "InvalidPool"),
    ],
)
def test_counts(nodes: Any, pods: Any, counts: tuple[int, int, int], reason: str) -> None:
    status = pool_status(pool(), nodes, pods, NOW)
    assert (status.nodes, status.gpus, status.free) == counts
    assert {c.reason for c in status.conditions} == {reason}


@pytest.mark.parametrize(
    ("spec", "labels", "reason"),
    [
        ({"model": "T4", "memoryGiB": 16}, {"nvidia.com/gpu.memory": "15360"}, "NodesFound"),
        ({"model": "T4", "memoryGiB": 24}, {"nvidia.com/gpu.memory": "15360"}, "InvalidPool"),
        (
            {"model": "A10G", "memoryGiB": 24},
            {"karpenter.k8s.aws/instance-gpu-memory": "16384"},
            "InvalidPool",
        ),
        ({"model": "A100", "memoryGiB": 40}, {"nvidia.com/gpu.memory": "40960"}, "NodesFound"),
        ({"model": "A100", "memoryGiB": 80}, {"nvidia.com/gpu.memory": "40960"}, "InvalidPool"),
        ({"model": "T4", "memoryGiB": 24}, {"nvidia.com/gpu.memory": "unknown"}, "NodesFound"),
        ({"model": "T4", "memoryGiB": 24}, {}, "NodesFound"),
    ],
)
def test_a_node_that_reports_less_memory_than_the_pool_says(
    spec: dict[str, Any], labels: dict[str, str], reason: str
) -> None:
    nodes = [node("a", labels={"kind": "t4", **labels})]
    status = pool_status(pool(gpu={**spec, "perNode": 2}), nodes, [], NOW)
    assert {c.reason for c in status.conditions} == {reason}
    if reason == "InvalidPool":
        assert "gpu.memoryGiB" in status.conditions[0].message


def test_the_planner_gets_the_least_memory_that_the_nodes_report() -> None:
    nodes = [
        node(name, labels={"kind": "t4", "nvidia.com/gpu.memory": memory})
        for name, memory in (("a", "15360"), ("b", "24576"))
    ]
    declared = pool(gpu={"model": "T4", "memoryGiB": 24, "perNode": 2})
    status = pool_status(declared, nodes, [], NOW)
    assert status.wire()["nodeMemoryGiB"] == 15.0
    state = planner_pool_state(declared.model_copy(update={"status": status}), {})
    assert state.problem is not None
    assert "GPUs of 15.0 GiB" in state.problem
    assert planner_pool_state(declared, {}).problem is None


def test_nothing_changes_when_nothing_changed() -> None:
    first = pool_status(pool(), [node("a")], [], NOW)
    again = pool().model_copy(update={"status": first})
    later = NOW.replace(hour=5)
    assert pool_status(again, [node("a")], [], later) == first


def test_a_pool_may_be_closed_to_a_namespace() -> None:
    closed = pool(namespaceSelector={"matchLabels": {"team": "ml"}})
    assert planner_pool_state(closed, {"team": "ml"}).allowed
    assert not planner_pool_state(closed, {"team": "web"}).allowed
    assert planner_pool_state(pool(), {}).allowed


def test_an_empty_pool_counts_as_unknown_room() -> None:
    assert planner_pool_state(pool(), {}).free is None
    status = pool_status(pool(), [node("a")], [pod("a", 2)], NOW)
    assert planner_pool_state(pool().model_copy(update={"status": status}), {}).free == 0


def test_a_card_that_the_trainer_cannot_use_makes_the_pool_invalid() -> None:
    old = pool(gpu={"model": "Tesla-V100-SXM2-16GB", "memoryGiB": 16, "perNode": 2})
    status = pool_status(old, [node("a")], [], NOW)
    assert {(c.reason, c.status) for c in status.conditions} == {("InvalidPool", "False")}
    assert "Tesla-V100-SXM2-16GB has compute capability 7.0" in status.conditions[0].message
