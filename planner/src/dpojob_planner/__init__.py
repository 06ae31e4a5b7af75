"""Chooses the GPU pool, the method and the batch of a DPOJob, and says why.

plan(spec, report, [PoolState(name, pool.spec, free=1, nodes=1)])  # Plan | Refusal
reestimate(plan, progress, elapsed)     # hours and cost, from the measured rate
recommendations(spec)                   # sentences on unusual values
out_of_memory_advice(plan, peak_gib)    # sentences for a run that did not fit after all
"""

from .advice import out_of_memory_advice, recommendations
from .choice import plan
from .pools import PoolState
from .time import reestimate

__all__ = ["PoolState", "out_of_memory_advice", "plan", "recommendations", "reestimate"]
