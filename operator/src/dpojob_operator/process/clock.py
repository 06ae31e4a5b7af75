"""The clock of decisions: budgets, time to live, grace times.

It can be replaced, so that a test can let hours pass at once. Delays of the event loop (back-off,
intervals, time-outs, the lease) use the machine's monotonic clock.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]
"""Returns the time now, in UTC."""


def utc_now() -> datetime:
    """Returns the machine's time."""
    return datetime.now(UTC)
