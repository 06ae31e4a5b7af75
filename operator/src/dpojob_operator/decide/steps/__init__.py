"""The entry points of the decision, which run its steps in order, and the checks that steps share.

Each step takes the `StatusBuilder` and returns whether the next step may run.
"""

from .decision import decide, decide_with_pools

__all__ = ["decide", "decide_with_pools", "planning", "pod_diagnosis"]
