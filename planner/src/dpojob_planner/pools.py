"""A pool as the planner sees it, and the order in which pools are tried for a model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dpojob_api.pool import GPUPoolSpec, ModelSize
from dpojob_api.quantity import parse_count
from dpojob_api.shared_training_constants import GPU_MEMORY_TOLERANCE

from .estimates import MINIMUM_CAPABILITY, unsupported_capability, usable_gib

NOMINAL_SHARE = 0.95
"""Names round sizes: "0.5B" has 494M parameters, "7B" may have 6.74B. So a model counts as within a
band from this share of the band's edge on, at both edges, and adjacent bands stay adjacent."""


@dataclass(frozen=True)
class PoolState:
    """A GPUPool and the capacity it has now."""

    name: str
    spec: GPUPoolSpec
    free: int | None = None
    """GPUs no pod has asked for; None: not known (no cluster), which counts as room."""
    nodes: int = 0
    """Nodes that match; 0: scaled to zero, which counts as room."""
    allowed: bool = True
    """Whether the pool's namespaceSelector admits the job's namespace."""
    node_memory_gib: float | None = None
    """Least memory of a GPU that the pool's nodes report; None: not known."""
    local: bool = False
    """The machine that is planning instead of a GPUPool: it has no band and no price."""

    @property
    def problem(self) -> str | None:
        """Why no job can be trained here (`pool_problem`); None for a valid pool."""
        return pool_problem(self.spec, self.node_memory_gib)

    def has_room(self, gpus: int) -> bool:
        """Tell whether a number of GPUs is available now.

        Args:
            gpus: GPUs the job needs, over all nodes.

        Returns:
            True when that many are free, when it is not known, or when the pool is scaled to zero and
            an autoscaler can start nodes.
        """
        return self.free is None or self.nodes == 0 or self.free >= gpus


def band_limits(size: ModelSize) -> tuple[float, float]:
    """Compute the exact limits of a model size band.

    Args:
        size: The band with its nominal edges, such as 3B to 7B.

    Returns:
        Inclusive lower and exclusive upper limit, parameters: NOMINAL_SHARE of the nominal edges,
        the upper one infinite without `max`.
    """
    upper = float("inf") if size.max is None else NOMINAL_SHARE * parse_count(size.max)
    return NOMINAL_SHARE * parse_count(size.min), upper


def in_band(size: ModelSize, parameters: int) -> bool:
    """Tell whether a model belongs to a band.

    Args:
        size: The band with its nominal edges.
        parameters: Number of the model's parameters.

    Returns:
        Whether `parameters` lies within `band_limits(size)`.
    """
    low, high = band_limits(size)
    return low <= parameters < high


def pool_problem(spec: GPUPoolSpec, node_memory_gib: float | None = None) -> str | None:
    """Describe why no job can be trained on a pool, by its own fields and what its nodes report.

    Args:
        spec: The pool's spec.
        node_memory_gib: Least memory of a GPU that the pool's nodes report, GiB; None: not known.

    Returns:
        A clause for messages; None for a valid pool.
    """
    usable = usable_gib(spec.gpu)
    if node_memory_gib is not None and node_memory_gib < GPU_MEMORY_TOLERANCE * usable:
        return (
            f"its gpu.memoryGiB is {spec.gpu.memory_gib:g}, of which plans count on {usable:.1f} GiB, but it "
            f"has a node with GPUs of {node_memory_gib:.1f} GiB; correct gpu.memoryGiB or nodeSelector of "
            "the GPUPool"
        )
    size, capability = spec.model_size, unsupported_capability(spec.gpu)
    if capability is not None:
        return (
            f"its gpu.model {spec.gpu.model} has compute capability {capability}, and the trainer's CUDA "
            f"libraries need {MINIMUM_CAPABILITY} or more; use a pool with T4 or newer GPUs"
        )
    if size is None or size.max is None or parse_count(size.min) < parse_count(size.max):
        return None
    return f"its modelSize is empty: min {size.min} is not below max {size.max}"


@dataclass(frozen=True)
class PoolOrder:
    """The pools in the order in which they are tried, and those that are too small by their band."""

    first: tuple[PoolState, ...]
    """Their band contains the model; cheapest first."""
    larger: tuple[PoolState, ...] = ()
    """Their band lies above the model, or they have none; cheapest first."""
    smaller: tuple[PoolState, ...] = ()
    """Their band lies below the model."""

    @property
    def tried(self) -> tuple[PoolState, ...]:
        """First choices, then larger pools."""
        return self.first + self.larger


def order_pools(pools: Sequence[PoolState], parameters: int) -> PoolOrder:
    """Sort open pools for a model.

    A model outside every band belongs to the band nearest to it, so that there is no gap below the
    smallest and above the largest band. Memory is not considered: a pool that gains memory keeps its
    place.

    Args:
        pools: The pools that may be chosen, in any order.
        parameters: Number of the model's parameters.

    Returns:
        The pools by band, each group from the cheapest on.
    """
    banded = [(pool, band_limits(pool.spec.model_size)) for pool in pools if pool.spec.model_size]
    position = float(parameters)
    if banded:
        position = max(position, min(low for _, (low, _) in banded))
        highest = max(high for _, (_, high) in banded)
        if position >= highest:
            position = max(low for _, (low, high) in banded if high == highest)
    first: list[PoolState] = []
    larger: list[PoolState] = []
    smaller: list[PoolState] = []
    for pool in pools:
        if pool.spec.model_size is None:
            larger.append(pool)
            continue
        low, high = band_limits(pool.spec.model_size)
        (first if low <= position < high else larger if low > position else smaller).append(pool)
    return PoolOrder(*(tuple(sorted(group, key=_price_key)) for group in (first, larger, smaller)))


def _price_key(pool: PoolState) -> tuple[object, ...]:
    return (pool.spec.price, pool.spec.gpu.memory_gib, pool.name)
