"""The entry points of the decision, which run its stages in order, and the checks that stages share.

Each stage takes the `StatusBuilder` and returns whether the next stage may run.
"""

from .decision import decide, decide_with_pools

__all__ = ["decide", "decide_with_pools", "planning", "pod_diagnosis"]
