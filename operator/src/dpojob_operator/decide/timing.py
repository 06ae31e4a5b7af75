"""Time as decisions measure it: from the first sight of something, by the monotonic clock."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from .types import FirstSight


class Timing:
    """Measures time, and collects what was measured (`Decision.timed`).

    The next decision gets the first sight of what this one measured. The keys are unique within a job.
    """

    def __init__(self, first_sights: Mapping[str, FirstSight], now: datetime) -> None:
        """Start from what earlier decisions saw.

        Args:
            first_sights: The first sights of the snapshot.
            now: The time of the decision, in UTC.
        """
        self._first_sights = first_sights
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
        sight = self._first_sights.get(what)
        return None if sight is None else sight.at

    def seconds_since_first_sight(self, what: str) -> float | None:
        """Measure how long this process has seen something in every pass, by the monotonic clock.

        An end that cannot be taken back is decided only where this is not None: the objects were then
        read at least twice.

        Args:
            what: A key of what is seen.

        Returns:
            Seconds; None when the last decision did not see it.
        """
        self.timed.add(what)
        sight = self._first_sights.get(what)
        return None if sight is None else sight.seconds

    def steady_now(self, what: str) -> datetime:
        """Return the time as it goes on from the first sight of something, whatever the clock does.

        Args:
            what: A key as in `seconds_since_first_sight`.

        Returns:
            The time in UTC, without steps of the clock since the first sight.
        """
        self.timed.add(what)
        sight = self._first_sights.get(what)
        if sight is None:
            return self._now
        return (sight.at + timedelta(seconds=sight.seconds)).replace(microsecond=0)
