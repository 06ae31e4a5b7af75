"""The entry points of the decision, which run its rules in order, and the checks that rules share.

Each rule takes the `StatusBuilder` and returns whether the next rule may run.
"""

from .decision import decide, decide_with_pools

__all__ = ["decide", "decide_with_pools", "planning", "pod_diagnosis"]
