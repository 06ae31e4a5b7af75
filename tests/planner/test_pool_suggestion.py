"""GPUPools suggested from the labels of nodes."""

from __future__ import annotations

from typing import Any

import pytest

from dpojob_planner import Node, suggest_pools
from dpojob_planner.estimates.gpu_kinds import KINDS
from dpojob_planner.pool_suggestion import MEMORY_OF_KIND

TAINT = {"key": "nvidia.com/gpu", "value": "present", "effect": "NoSchedule"}


def node(
    name: str = "n",
    gpus: int = 1,
    resource: str = "nvidia.com/gpu",
    taints: Any = (),
    **labels: str,
) -> Node:
    return Node(name, labels, {"cpu": "8", resource: str(gpus)}, taints)


def gfd(product: str, mib: int, gpus: int = 1, name: str = "n", **more: str) -> Node:
    """A node with the labels of GPU Feature Discovery."""
    labels = {
        "nvidia.com/gpu.product": product,
        "nvidia.com/gpu.count": str(gpus),
        "nvidia.com/gpu.memory": str(mib),
    }
    return node(name, gpus, **labels, **more)


def test_a_node_of_gpu_feature_discovery_makes_a_pool() -> None:
    (pool,) = suggest_pools([gfd("NVIDIA-A100-SXM4-80GB", 81920, 8)]).pools
    assert pool.name == "a100-80gb-x8"
    assert (pool.spec.gpu.model, pool.spec.gpu.memory_gib, pool.spec.gpu.per_node) == (
        "A100",
        80,
        8,
    )
    assert pool.spec.node_selector == {
        "nvidia.com/gpu.product": "NVIDIA-A100-SXM4-80GB",
        "nvidia.com/gpu.count": "8",
    }


@pytest.mark.parametrize(
    ("labels", "model", "memory", "selector"),
    [
        (
            {"cloud.google.com/gke-accelerator": "nvidia-l4", "node.kubernetes.io/instance-type": "g2-standard-12"},
            "L4", 24, {"cloud.google.com/gke-accelerator", "node.kubernetes.io/instance-type"},
        ),
        (
            {"karpenter.k8s.aws/instance-gpu-name": "a10g", "karpenter.k8s.aws/instance-gpu-count": "1", "karpenter.k8s.aws/instance-gpu-memory": "22888"},
            "A10G", 24, {"karpenter.k8s.aws/instance-gpu-name", "karpenter.k8s.aws/instance-gpu-count"},
        ),
        (
            {"cloud.google.com/gke-accelerator": "nvidia-h100-80gb", "node.kubernetes.io/instance-type": "a3-highgpu-8g"},
            "H100", 80, {"cloud.google.com/gke-accelerator", "node.kubernetes.io/instance-type"},
        ),
    ],
)  # fmt: skip
def test_labels_of_clouds_are_read(
    labels: dict[str, str], model: str, memory: float, selector: set[str]
) -> None:
    (pool,) = suggest_pools([node(**labels)]).pools
    assert (pool.spec.gpu.model, pool.spec.gpu.memory_gib) == (model, memory)
    assert set(pool.spec.node_selector) == selector


def test_equal_nodes_make_one_pool_and_other_counts_another() -> None:
    nodes = [gfd("NVIDIA-A10", 23028, name=f"n{n}") for n in range(3)] + [
        gfd("NVIDIA-A10", 23028, 4, name="four")
    ]
    pools = suggest_pools(nodes).pools
    assert [(pool.name, pool.nodes) for pool in pools] == [
        ("a10-24gb", ("n0", "n1", "n2")),
        ("a10-24gb-x4", ("four",)),
    ]
    assert pools[1].spec.model_size is None


def test_bands_join_without_a_gap_from_zero_to_no_limit() -> None:
    nodes = [gfd("NVIDIA-A100-SXM4-80GB", 81920), gfd("Tesla-T4", 15360), gfd("NVIDIA-L40S", 46068)]
    bands = [pool.spec.model_size for pool in suggest_pools(nodes).pools]
    assert [(band.min, band.max) for band in bands if band] == [
        ("0", "1B"),
        ("1B", "14B"),
        ("14B", None),
    ]


def test_a_t4_has_no_bf16() -> None:
    (by_kind,) = suggest_pools([gfd("Tesla-T4", 15360)]).pools
    (by_label,) = suggest_pools(
        [gfd("Quadro-RTX-6000", 24576, **{"nvidia.com/gpu.compute.major": "7"})]
    ).pools
    assert not by_kind.spec.gpu.bf16 and not by_label.spec.gpu.bf16


def test_lasting_taints_are_tolerated_and_passing_ones_are_not() -> None:
    passing = {"key": "node.kubernetes.io/not-ready", "effect": "NoExecute"}
    labels = {"nvidia.com/gpu.product": "NVIDIA-L4", "nvidia.com/gpu.count": "1"}
    (pool,) = suggest_pools([node(taints=(TAINT, passing), **labels)]).pools
    (toleration,) = pool.spec.tolerations
    assert (toleration.key, toleration.value, toleration.effect) == (
        "nvidia.com/gpu",
        "present",
        "NoSchedule",
    )


def test_mig_slices_are_pools_of_their_own_resource() -> None:
    labels = {"nvidia.com/gpu.product": "NVIDIA-A100-SXM4-40GB", "nvidia.com/gpu.count": "1"}
    (pool,) = suggest_pools([node(gpus=2, resource="nvidia.com/mig-3g.20gb", **labels)]).pools
    assert (pool.spec.gpu.resource, pool.spec.gpu.memory_gib, pool.spec.gpu.per_node) == (
        "nvidia.com/mig-3g.20gb", 20, 2,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("found", "phrase"),
    [
        (node(), "no label names the GPU"),
        (node(**{"nvidia.com/gpu.product": "NVIDIA-XYZ"}), "no label says how much memory"),
        (gfd("Tesla-V100-SXM2-16GB", 16384), "compute capability 7.0"),
    ],
)
def test_nodes_without_a_pool_are_named_with_the_reason(found: Node, phrase: str) -> None:
    suggestions = suggest_pools([found])
    assert suggestions.pools == ()
    assert suggestions.left_out[0].startswith("n: ") and phrase in suggestions.left_out[0]


def test_nodes_without_gpus_are_passed_over() -> None:
    suggestions = suggest_pools(
        [Node("cpu", {}, {"cpu": "8"}), Node("none", {}, {"nvidia.com/gpu": "0"})]
    )
    assert suggestions.pools == () and suggestions.left_out == ()


def test_kinds_with_one_size_are_known_kinds() -> None:
    assert set(MEMORY_OF_KIND) <= set(KINDS)
