"""A pool as the planner sees it, and which pools are a model's first choice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dpojob_api.pool import GPUPoolSpec, ModelSize
from dpojob_api.quantity import parse_count

NOMINAL_SHARE = 0.95
"""Names round sizes: "0.5B" has 494M parameters, "7B" may have 6.74B. So a model counts as within a
band from this share of the band's edge on, at both edges, and bands that met still meet."""


@dataclass(frozen=True)
class PoolState:
    """A GPUPool and what is known of its capacity now."""

    name: str
    spec: GPUPoolSpec
    free: int | None = None
    """GPUs no pod has asked for; None: not known (no cluster), which counts as room."""
    nodes: int = 0
    """Nodes that match; 0: scaled to zero, which counts as room."""
    allowed: bool = True
    """Whether the pool's namespaceSelector admits the job's namespace."""
    local: bool = False
    """No GPUPool but the machine that is planning: it has no band and no price."""

    def has_room(self, gpus: int) -> bool:
        """Whether so many GPUs are free, not known, or to be had by scaling up from zero."""
        return self.free is None or self.nodes == 0 or self.free >= gpus


def edges(size: ModelSize) -> tuple[float, float]:
    """The exact parameter counts between which a model is in the band."""
    upper = float("inf") if size.max is None else NOMINAL_SHARE * parse_count(size.max)
    return NOMINAL_SHARE * parse_count(size.min), upper


def in_band(size: ModelSize, parameters: int) -> bool:
    """Whether a model of so many parameters is one that the band is for."""
    low, high = edges(size)
    return low <= parameters < high


def contradiction(pool: PoolState) -> str | None:
    """What makes a pool's own figures impossible, if anything does."""
    size = pool.spec.model_size
    if size is None or size.max is None or parse_count(size.min) < parse_count(size.max):
        return None
    return f"its modelSize is empty: min {size.min} is not below max {size.max}"


@dataclass(frozen=True)
class Order:
    """The pools in the order in which they are tried, and those that are not for the model."""

    first: tuple[PoolState, ...]
    """Their band holds the model; cheapest first."""
    larger: tuple[PoolState, ...] = ()
    """Their band lies above the model, or they have none; cheapest first."""
    smaller: tuple[PoolState, ...] = ()
    """Their band lies below the model."""

    @property
    def tried(self) -> tuple[PoolState, ...]:
        """First choices, then larger pools."""
        return self.first + self.larger


def order(pools: Sequence[PoolState], parameters: int) -> Order:
    """Sort open pools for a model of so many parameters.

    A model outside every band belongs to the band nearest to it, so that the smallest and the
    largest pools have no hole beside them. Memory plays no part: a pool that gains memory keeps its
    place.
    """
    banded = [(pool, edges(pool.spec.model_size)) for pool in pools if pool.spec.model_size]
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
        low, high = edges(pool.spec.model_size)
        (first if low <= position < high else larger if low > position else smaller).append(pool)
    return Order(*(tuple(sorted(group, key=_cheapest)) for group in (first, larger, smaller)))


def _cheapest(pool: PoolState) -> tuple[object, ...]:
    return (pool.spec.price, pool.spec.gpu.memory_gib, pool.name)
