"""The status of a GPUPool from Nodes and Pods, and its state as the planner sees it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from dpojob_api.conditions import PoolConditionType, Reason
from dpojob_api.pool import GPUPool, GPUPoolStatus
from dpojob_operator.decide.conditions import next_condition, true_conditions
from dpojob_operator.decide.object_snapshots import RawObject
from dpojob_planner import PoolState, parse_gpus, pool_problem, reported_memory
from dpojob_planner.estimates import usable_gib


def planner_pool_state(pool: GPUPool, namespace_labels: Mapping[str, str]) -> PoolState:
    """The pool as jobs of a namespace with these labels see it."""
    selector = pool.spec.namespace_selector
    allowed = selector is None or all(
        namespace_labels.get(name) == value for name, value in selector.match_labels.items()
    )
    status = pool.status
    known = status is not None and status.nodes > 0
    return PoolState(
        name=pool.name,
        spec=pool.spec,
        free=status.free if status is not None and known else None,
        nodes=status.nodes if status is not None else 0,
        allowed=allowed,
        node_memory_gib=status.node_memory_gib if status is not None else None,
    )


def pool_status(
    pool: GPUPool, nodes: Iterable[RawObject], pods: Iterable[RawObject], now: datetime
) -> GPUPoolStatus:
    """Counts the nodes that match and offer the GPU, their GPUs, and those no pod has requested."""
    resource = pool.spec.gpu.resource
    matching = {node["metadata"]["name"]: node for node in nodes if _matches(pool, node)}
    offering = {
        name: parse_gpus(_allocatable(node).get(resource)) for name, node in matching.items()
    }
    offering = {name: gpus for name, gpus in offering.items() if gpus > 0}
    usable = {name: gpus for name, gpus in offering.items() if _usable(matching[name])}
    taken = sum(requested_gpus(pod, resource) for pod in pods if _node(pod) in usable)
    total = sum(usable.values())
    reported = [
        memory
        for name in offering
        if (memory := reported_memory(resource, _labels(matching[name]))[1])
    ]
    generation = int(pool.metadata.get("generation", 0))
    status = GPUPoolStatus(
        nodes=len(offering),
        gpus=total,
        free=max(0, total - taken),
        node_memory_gib=min(reported, default=None),
        observed_generation=generation,
    )
    old = pool.status.conditions if pool.status is not None else []
    problem = _problem(pool, matching, offering)
    available = Reason.NODES_FOUND if offering else Reason.SCALED_TO_ZERO
    message = (
        f"{status.free} of {total} GPUs are free on {len(offering)} node(s)."
        if offering
        else "No node matches now; jobs may be planned here, and wait for an autoscaler."
    )
    reason = Reason.INVALID_POOL if problem else available
    status.conditions = [
        next_condition(old, type_, str(not problem), reason, problem or message, generation, now)
        for type_ in (PoolConditionType.AVAILABLE, PoolConditionType.READY)
    ]
    return status


def _problem(pool: GPUPool, matching: Mapping[str, RawObject], offering: Mapping[str, int]) -> str:
    gpu = pool.spec.gpu
    contradiction = pool_problem(pool.spec)
    if contradiction is not None:
        return f"No job can be planned here: {contradiction}."
    if pool.spec.node_selector and matching and not offering:
        return (
            f"{len(matching)} node(s) match the selector and none offers {gpu.resource}: is the "
            "device plugin running there, and is gpu.resource spelt as it says?"
        )
    fewer = {name: gpus for name, gpus in offering.items() if gpus < gpu.per_node}
    if fewer:
        name, gpus = next(iter(sorted(fewer.items())))
        return (
            f"gpu.perNode is {gpu.per_node}, but node {name} offers {gpus} {gpu.resource}: jobs "
            "planned for a whole node would wait for ever."
        )
    counted_on = usable_gib(gpu)
    for name in sorted(offering):
        label, reported = reported_memory(gpu.resource, _labels(matching[name]))
        if pool_problem(pool.spec, reported) is not None:
            return (
                f"gpu.memoryGiB is {gpu.memory_gib:g}, of which plans count on {counted_on:.1f} GiB, but node "
                f"{name} has GPUs of {reported:.1f} GiB (label {label}): correct gpu.memoryGiB or "
                "nodeSelector. No job is planned here until then."
            )
    return ""


def _labels(node: RawObject) -> Mapping[str, str]:
    return node["metadata"].get("labels") or {}


def _matches(pool: GPUPool, node: RawObject) -> bool:
    labels = _labels(node)
    selector = pool.spec.node_selector
    if not selector:
        return parse_gpus(_allocatable(node).get(pool.spec.gpu.resource)) > 0
    return all(labels.get(name) == value for name, value in selector.items())


def _usable(node: RawObject) -> bool:
    if (node.get("spec") or {}).get("unschedulable"):
        return False
    return "Ready" in true_conditions(node)


def _allocatable(node: RawObject) -> Mapping[str, Any]:
    return (node.get("status") or {}).get("allocatable") or {}


def _node(pod: RawObject) -> str | None:
    return (pod.get("spec") or {}).get("nodeName")


def requested_gpus(pod: RawObject, resource: str) -> int:
    """GPUs the pod holds: extended resources are whole numbers, and requests equal limits."""
    spec = pod.get("spec") or {}

    def gpu_limits(containers: Iterable[RawObject]) -> list[int]:
        return [
            parse_gpus(((c.get("resources") or {}).get("limits") or {}).get(resource))
            for c in containers
        ]

    first = max(gpu_limits(spec.get("initContainers") or []), default=0)
    return max(first, sum(gpu_limits(spec.get("containers") or [])))
