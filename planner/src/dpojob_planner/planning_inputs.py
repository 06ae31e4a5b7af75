"""What a plan depends on, by which jobs that differ in nothing else share one plan.

The jobs of a sweep differ in their seed, their learning rate and their output directory, and the free GPUs of
a pool change with each of them. Neither changes a plan while there is room, so both are replaced by one value
before the planner sees them: no plan can depend on what was left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from dpojob_api.report import InspectionReport
from dpojob_api.spec import DPOJobSpec, Training

from .pools import PoolState
from .search_space import gpu_counts

SWEPT_DEFAULTS = {
    name: Training.model_fields[name].default for name in ("seed", "learning_rate", "beta")
}
"""Fields of `training` that differ within a sweep and that no plan depends on."""


@dataclass(frozen=True)
class PlanningInputs:
    """The arguments of a plan; equal where the plans are."""

    key: tuple[object, ...]
    """The inputs as JSON, and the capacity of the pools."""
    spec: DPOJobSpec = field(compare=False)
    report: InspectionReport = field(compare=False)
    pools: tuple[PoolState, ...] = field(compare=False)
    """By name."""

    @classmethod
    def create(
        cls, spec: DPOJobSpec, report: InspectionReport, pools: Sequence[PoolState]
    ) -> PlanningInputs:
        """Reduce the arguments of a plan to what it depends on.

        Args:
            spec: The job's spec.
            report: The inspection report.
            pools: All pools with their present capacity, in any order.

        Returns:
            The inputs, with defaults for what differs within a sweep, and without the capacity of pools that
            have room for any number of GPUs that the job may take.
        """
        volume = spec.output.volume
        output = spec.output.model_copy(
            update={"volume": volume and volume.model_copy(update={"path": ""})}
        )
        training = spec.training.model_copy(update=SWEPT_DEFAULTS)
        reduced = spec.model_copy(update={"training": training, "output": output})
        states = tuple(
            _without_spare_capacity(spec, pool)
            for pool in sorted(pools, key=lambda pool: pool.name)
        )
        capacity = tuple(
            (pool.name, pool.spec.model_dump_json(), pool.free, pool.nodes, pool.allowed,
             pool.node_memory_gib, pool.local)
            for pool in states
        )  # fmt: skip
        key = (reduced.model_dump_json(), report.model_dump_json(), capacity)
        return cls(key, reduced, report, states)


def _without_spare_capacity(spec: DPOJobSpec, pool: PoolState) -> PoolState:
    """The pool as one of unknown capacity, where it has room for whatever the job may take of it."""
    most = max(gpu_counts(spec, pool.spec.gpu), default=0)
    return replace(pool, free=None, nodes=0) if pool.has_room(most) else pool
