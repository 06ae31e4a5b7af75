"""The controllers of DPOJobs, GPUPools and CostQuotas, and the work queue and event handlers that feed them."""

from .handlers import Handlers
from .setup import Components, build_components

__all__ = ["Components", "Handlers", "build_components"]
