"""The controller of GPUPools: their capacity and status, from Nodes and Pods."""

from .gpupool_controller import GPUPoolController
from .pool_capacity import planner_pool_state

__all__ = ["GPUPoolController", "planner_pool_state"]
