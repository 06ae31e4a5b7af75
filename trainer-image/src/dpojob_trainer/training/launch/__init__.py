"""The start of a run: the container, its processes on one or several nodes, and the run in a process.

`session.run` is what a process does from start to upload; `container` starts it once, or once for
each GPU of this node, and writes the termination message; `unused_packages` saves imports.
"""

from .session import run
from .unused_packages import hide_unused_packages

__all__ = ["hide_unused_packages", "run"]
