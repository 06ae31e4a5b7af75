"""Time as decisions measure it: since something was first seen, by the monotonic clock."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from .types import FirstSeen


class Timing:
    """Measures time, and collects what was measured (`Decision.timed`).

    The next decision is given when each of them was first seen. The keys are unique within a job.
    """

    def __init__(self, first_seen: Mapping[str, FirstSeen], now: datetime) -> None:
        """Start from what earlier decisions saw.

        Args:
            first_seen: When each thing was first seen, by the key that was measured.
            now: The time of the decision, in UTC.
        """
        self._first_seen = first_seen
        self._now = now
        self.timed: set[str] = set()

    def first_seen_at(self, what: str) -> datetime | None:
        """Return when something was first seen, by the clock of decisions.

        Args:
            what: A key of what is seen.

        Returns:
            The time in UTC; None when the last decision did not see it.
        """
        self.timed.add(what)
        seen = self._first_seen.get(what)
        return None if seen is None else seen.at

    def seconds_since_first_seen(self, what: str) -> float | None:
        """Measure how long this process has seen something in every pass, by the monotonic clock.

        An end that cannot be taken back is decided only where this is not None: the objects were then
        read at least twice.

        Args:
            what: A key of what is seen.

        Returns:
            Seconds; None when the last decision did not see it.
        """
        self.timed.add(what)
        seen = self._first_seen.get(what)
        return None if seen is None else seen.seconds

    def steady_now(self, what: str) -> datetime:
        """Return the time at which something was first seen, plus the seconds since then by the monotonic clock.

        A step of the clock that tells the time of day does not change the result.

        Args:
            what: A key as in `seconds_since_first_seen`.

        Returns:
            The time in UTC; that of the decision where the last decision did not see it.
        """
        self.timed.add(what)
        seen = self._first_seen.get(what)
        if seen is None:
            return self._now
        return (seen.at + timedelta(seconds=seen.seconds)).replace(microsecond=0)
