"""The clock of decisions: budgets, time to live, grace times.

It can be replaced, so that a test can let hours pass at once. Delays of the event loop (back-off,
intervals, time-outs, the lease) use the machine's monotonic clock.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Protocol

RESOLUTION_SECONDS = 1.0
"""The resolution of the header `Date`, which is cut to whole seconds."""


class Clock(Protocol):
    """What decisions take the time from."""

    def now(self) -> datetime:
        """Returns the time, in UTC; it may step."""

    def monotonic(self) -> float:
        """Returns seconds since an arbitrary moment; they never step."""


class ServerClock:
    """The time of the API server, which sets the timestamps that decisions compare with.

    It is taken from the header `Date` of responses and advanced by the monotonic clock, so that the
    clock of this machine decides nothing.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.monotonic = monotonic
        self._offset = time.time() - monotonic()
        self._known = False

    def observe(self, date: str | None, sent: float, received: float) -> None:
        """Takes the time from a response.

        Args:
            date: The response's header `Date`; None or an invalid one is ignored.
            sent: When the request was sent, on the monotonic clock.
            received: When its response was received, on the monotonic clock.
        """
        try:
            server = _seconds(date or "")
        except ValueError:
            return
        earliest, latest = server - received, server + RESOLUTION_SECONDS - sent
        if not self._known:
            self._offset, self._known = earliest, True
        # Within these bounds the responses do not contradict the offset, so that the time does not jitter.
        self._offset = min(max(self._offset, earliest), latest)

    def now(self) -> datetime:
        """Returns the API server's time; before the first response, the machine's."""
        return datetime.fromtimestamp(self._offset + self.monotonic(), UTC)


@lru_cache(maxsize=4)
def _seconds(date: str) -> float:
    """Seconds since 1970; kept, because all responses of one second name it. Raises ValueError."""
    return parsedate_to_datetime(date).timestamp()
