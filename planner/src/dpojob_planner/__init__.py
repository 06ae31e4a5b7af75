"""Chooses the GPU pool, the method and the batch of a DPOJob, and explains the choice.

Pure functions over the types of `dpojob_api`:

    plan(spec, report, [PoolState(name, pool.spec, free=1, nodes=1)])  # Plan | Refusal
    recommendations(spec)                   # sentences on unusual values
    out_of_memory_advice(plan, peak_gib)    # settings that would fit, after a run out of memory
    suggest_pools(nodes)                    # GPUPools for the GPU nodes of a cluster
    reported_memory(resource, node_labels)  # memory of each GPU of a node, by its labels
    pool_problem(pool.spec)                 # why no job can be trained on a pool; None for a valid one
"""

from .advice import out_of_memory_advice, recommendations
from .node_gpus import parse_gpus, reported_memory
from .pool_selection import plan
from .pool_suggestion import Node, PoolSuggestion, suggest_pools
from .pools import PoolState, pool_problem

__all__ = [
    "Node",
    "PoolState",
    "PoolSuggestion",
    "out_of_memory_advice",
    "parse_gpus",
    "plan",
    "pool_problem",
    "recommendations",
    "reported_memory",
    "suggest_pools",
]
