"""One leader among replicas."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from .cluster import Cluster
from .settings import Settings


async def lead(
    cluster: Cluster, settings: Settings, operate: Callable[[], Awaitable[None]]
) -> None:
    """Runs `operate` at once; a single replica needs no election."""
    await operate()
