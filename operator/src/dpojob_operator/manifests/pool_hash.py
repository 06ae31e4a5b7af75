"""The hash that a training Job holds of the pool it was created for."""

from __future__ import annotations

import hashlib

from dpojob_api.pool import GPUPoolSpec

from .compact_json import compact


def pool_hash(pool: GPUPoolSpec) -> str:
    """A hash that changes when any field of the pool does."""
    return hashlib.sha256(compact(pool.wire()).encode()).hexdigest()[:16]
