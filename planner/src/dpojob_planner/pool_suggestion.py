"""Suggests GPUPools for the GPU nodes of a cluster, by the labels that clouds and NVIDIA give them."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dpojob_api.pool import GPU, GPUPoolSpec

from .estimates.gpu_kinds import kind_name, unsupported_capability
from .node_gpus import parse_gpus, reported_memory

PRODUCT_LABELS = (
    "nvidia.com/gpu.product",
    "cloud.google.com/gke-accelerator",
    "karpenter.k8s.aws/instance-gpu-name",
)
"""Labels that name the kind of GPU: those of NVIDIA's GPU Feature Discovery, GKE and Karpenter."""
COUNT_LABELS = ("nvidia.com/gpu.count", "karpenter.k8s.aws/instance-gpu-count")
INSTANCE_LABEL = "node.kubernetes.io/instance-type"
NOMINAL_GIB = (8, 10, 11, 12, 16, 20, 24, 32, 40, 48, 64, 80, 94, 96, 141, 180, 192, 288)
"""Sizes that cards are sold with; labels report a little less."""
MEMORY_OF_KIND = {
    "T4": 16, "RTX3090": 24, "RTX4090": 24, "A10": 24, "A10G": 24, "A30": 24, "A40": 48, "A6000": 48,
    "RTX6000ADA": 48, "L4": 24, "L40": 48, "L40S": 48, "H200": 141, "B200": 180,
}  # fmt: skip
"""GiB of kinds that are sold with one size; A100 and H100 have several."""
BANDS = ((16, "1B"), (24, "7B"), (48, "14B"))
"""Up to so much memory, in GiB, a pool is the first choice for models below that size."""
TRANSIENT_TAINTS = ("node.kubernetes.io/", "node.cloudprovider.kubernetes.io/")
"""Prefixes of taints that come and go with a node's state."""


@dataclass(frozen=True)
class Node:
    """What is read of a node."""

    name: str
    labels: Mapping[str, str]
    allocatable: Mapping[str, str]
    """Quantities by resource, such as {"nvidia.com/gpu": "8"}."""
    taints: Sequence[Mapping[str, str]] = ()


@dataclass(frozen=True)
class PoolSuggestion:
    """A GPUPool for some nodes."""

    name: str
    spec: GPUPoolSpec
    nodes: tuple[str, ...]
    """Names of the nodes it was made from."""


@dataclass(frozen=True)
class Suggestions:
    """Pools, and the nodes for which none can be suggested."""

    pools: tuple[PoolSuggestion, ...]
    left_out: tuple[str, ...]
    """A sentence for each group of GPU nodes without a pool."""


def suggest_pools(nodes: Iterable[Node]) -> Suggestions:
    """Suggest a GPUPool for each kind of GPU nodes.

    Nodes with the same kind and number of GPUs, and the same taints, make a pool. Bands of model sizes
    follow BANDS, from the smallest memory up; of pools with equal memory the one with the fewest GPUs per
    node has the band. Prices are 0: no label has them.

    Args:
        nodes: The cluster's nodes; those without GPUs are passed over.

    Returns:
        The pools, by memory, and what was left out.
    """
    groups: dict[tuple[Any, ...], list[Node]] = defaultdict(list)
    for node in nodes:
        for resource in _gpu_resources(node):
            groups[_group_key(node, resource)].append(node)
    found: list[tuple[GPU, Node, tuple[str, ...]]] = []
    left_out: list[str] = []
    for (resource, *_), members in sorted(groups.items(), key=str):
        names = tuple(sorted(node.name for node in members))
        gpu = _gpu(members[0], resource)
        if isinstance(gpu, str):
            left_out.append(f"{', '.join(names)}: {gpu}")
        else:
            found.append((gpu, members[0], names))
    found.sort(key=lambda item: (item[0].memory_gib, item[0].per_node, item[0].model))
    pools: list[PoolSuggestion] = []
    for (gpu, node, names), band in zip(found, _bands([gpu for gpu, _, _ in found]), strict=True):
        spec = GPUPoolSpec.model_validate(
            {
                "gpu": gpu.model_dump(by_alias=True, exclude_none=True),
                "modelSize": band,
                "nodeSelector": _selector(node),
                "tolerations": _tolerations(node),
            }
        )
        pools.append(PoolSuggestion(_unused_name(gpu, pools), spec, names))
    return Suggestions(tuple(pools), tuple(left_out))


def _gpu_resources(node: Node) -> list[str]:
    """The extended resources of NVIDIA GPUs that a node offers."""
    return [
        name
        for name, quantity in sorted(node.allocatable.items())
        if re.fullmatch(r"nvidia\.com/(gpu|mig-\dg\.\d+gb)", name) and parse_gpus(quantity) > 0
    ]


def _group_key(node: Node, resource: str) -> tuple[Any, ...]:
    """What nodes of one pool have in common."""
    selector = tuple(sorted(_selector(node).items()))
    taints = tuple(sorted(str(sorted(taint.items())) for taint in _tolerations(node)))
    return (resource, node.allocatable[resource], selector, taints)


def _selector(node: Node) -> dict[str, str]:
    """Labels by which the scheduler finds the node's like: kind and number of GPUs, else the instance type."""
    product = next((label for label in PRODUCT_LABELS if label in node.labels), None)
    count = next((label for label in COUNT_LABELS if label in node.labels), None)
    chosen = [label for label in (product, count) if label is not None]
    if (product is None or count is None) and INSTANCE_LABEL in node.labels:
        chosen.append(INSTANCE_LABEL)
    return {label: node.labels[label] for label in chosen}


def _gpu(node: Node, resource: str) -> GPU | str:
    """The GPU of a node; a sentence where no pool can be made of it."""
    product = next((node.labels[label] for label in PRODUCT_LABELS if label in node.labels), None)
    if product is None:
        return f"no label names the GPU ({', '.join(PRODUCT_LABELS)}); install NVIDIA's GPU Feature Discovery"
    kind = kind_name(product)
    model = kind or product
    memory = _memory_gib(node, resource, kind)
    if memory is None:
        return (
            f"no label says how much memory a {product} has; write a GPUPool with its gpu.memoryGiB"
        )
    gpu = GPU.model_validate(
        {
            "resource": resource,
            "model": model[:63],
            "memoryGiB": memory,
            "bf16": _has_bf16(node, kind),
            "perNode": parse_gpus(node.allocatable[resource]),
        }
    )
    named = gpu.model_copy(update={"model": product})
    capability = unsupported_capability(named)
    if capability is not None:
        return f"a {product} has compute capability {capability}, for which the trainer's CUDA libraries have no code"
    return gpu


def _memory_gib(node: Node, resource: str, kind: str | None) -> float | None:
    """Nominal memory of one GPU, GiB."""
    slice_size = re.search(r"\.(\d+)gb$", resource)
    if slice_size:
        return float(slice_size[1])
    _, reported = reported_memory(resource, node.labels)
    if reported is not None:
        return float(next((size for size in NOMINAL_GIB if size >= reported), round(reported)))
    named = re.search(
        r"(\d+)gb", " ".join(node.labels.get(label, "") for label in PRODUCT_LABELS).lower()
    )
    if named:
        return float(named[1])
    return None if kind not in MEMORY_OF_KIND else float(MEMORY_OF_KIND[kind])


def _has_bf16(node: Node, kind: str | None) -> bool:
    """Compute capability 8.0 and above has bf16 arithmetic; of the known kinds only the T4 is below."""
    major = node.labels.get("nvidia.com/gpu.compute.major", "")
    return int(major) >= 8 if major.isdigit() else kind != "T4"


def _bands(gpus: Sequence[GPU]) -> list[dict[str, str] | None]:
    """The band of model sizes of each pool, of pools sorted by memory; None for one without."""
    tiers = [next((limit for most, limit in BANDS if gpu.memory_gib <= most), None) for gpu in gpus]
    bands: list[dict[str, str] | None] = []
    least = "0"
    for index, tier in enumerate(tiers):
        if tier in tiers[:index]:
            bands.append(None)
            continue
        last = all(later == tier for later in tiers[index:])
        bands.append({"min": least} if tier is None or last else {"min": least, "max": tier})
        least = tier or least
    return bands


def _tolerations(node: Node) -> list[dict[str, str]]:
    """Tolerations of the node's lasting taints."""
    return [
        {
            "key": taint["key"],
            **(
                {"operator": "Equal", "value": taint["value"]}
                if taint.get("value")
                else {"operator": "Exists"}
            ),
            "effect": taint["effect"],
        }
        for taint in node.taints
        if not taint["key"].startswith(TRANSIENT_TAINTS)
    ]


def _unused_name(gpu: GPU, pools: Sequence[PoolSuggestion]) -> str:
    """A name such as a100-80gb-x8, with a number where it is taken."""
    model = re.sub(r"[^a-z0-9]+", "-", gpu.model.lower()).strip("-")
    many = f"-x{gpu.per_node}" if gpu.per_node > 1 else ""
    name = f"{model}-{gpu.memory_gib:g}gb{many}"
    taken = {pool.name for pool in pools}
    return next(
        option
        for number in range(1, len(pools) + 2)
        if (option := f"{name}{f'-{number}' * (number > 1)}") not in taken
    )
