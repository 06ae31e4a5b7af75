"""Chooses the GPU pool, the method and the batch of a DPOJob, and says why.

plan(spec, report, [PoolState(name, pool.spec, free=1, nodes=1)])  # Plan | Refusal
"""

from .choice import plan
from .pools import PoolState

__all__ = ["PoolState", "plan"]
