"""The hash that a training Job holds of the pool it was created for."""

from __future__ import annotations

import hashlib
from functools import lru_cache

from dpojob_api.pool import GPUPoolSpec

from .compact_json import compact

PARTS_OF_THE_JOB = ("gpu", "method", "nodeSelector", "tolerations", "pod")
"""Fields of a pool by which its jobs are planned and their pods made. The others say which jobs choose the pool
and what it costs: an edit of them withdraws no job that waits."""


MAX_KEPT_HASHES = 256


def pool_hash(pool: GPUPoolSpec) -> str:
    """A hash that changes when a field of the pool does that a training Job is made from."""
    return _hash_of(pool.model_dump_json())


@lru_cache(maxsize=MAX_KEPT_HASHES)  # Each pass over a job that waits asks for those of all pools.
def _hash_of(pool: str) -> str:
    wire = GPUPoolSpec.model_validate_json(pool).wire(exclude_defaults=True)
    parts = {name: wire[name] for name in PARTS_OF_THE_JOB if name in wire}
    return hashlib.sha256(compact(parts).encode()).hexdigest()[:16]
