"""A real Kubernetes on this machine, for the demo, the tests and the benchmarks.

`python -m devcluster up` starts it, `python -m devcluster down` leaves nothing behind.
"""

__all__ = ["cluster"]
