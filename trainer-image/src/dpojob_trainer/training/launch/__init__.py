"""The start of a run: the container, its processes on one or several nodes, and the run in a process.

`session.run` is what a process does from start to upload; `container` starts it once, or once for
each GPU of this node, and writes the termination message; `library_imports` saves imports and what libraries print at the end.
"""

from .library_imports import discard_output_at_exit, hide_unused_packages
from .session import run

__all__ = ["discard_output_at_exit", "hide_unused_packages", "run"]
