"""The hash by which a training Job remembers the pool it was made for."""

from __future__ import annotations

import hashlib

from dpojob_api.pool import GPUPoolSpec

from .compact_json import compact


def pool_hash(pool: GPUPoolSpec) -> str:
    """Changes when anything about the pool does."""
    return hashlib.sha256(compact(pool.wire()).encode()).hexdigest()[:16]
