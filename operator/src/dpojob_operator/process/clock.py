"""The clock of decisions: budgets, time to live, graces.

One seam, so that a test can let hours pass in no time. What is told to the event loop (back-off,
intervals, time-outs, the lease) goes by the machine's own monotonic clock.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]
"""Gives the time now, in UTC."""


def utc_now() -> datetime:
    """The machine's clock."""
    return datetime.now(UTC)
