"""When each job's decisions first saw what they measure the time of, by the monotonic clock.

It is kept in memory only: after a restart of the process, every wait begins anew.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime

from dpojob_operator.decide import FirstSeen
from dpojob_operator.kube import Key
from dpojob_operator.process import Clock

SAME_MOMENT_SECONDS = 1.0
"""How far apart two readings of the clocks may be that count as one."""


class FirstSeenTimes:
    """The `FirstSeen` values of each job; what one decision no longer sees is forgotten."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._jobs: dict[Key, tuple[str, dict[str, tuple[datetime, float]]]] = {}

    def get(self, key: Key, uid: str) -> Mapping[str, FirstSeen]:
        """Returns the values of the job with that UID, by what was seen."""
        known_uid, seen = self._jobs.get(key, (uid, {}))
        if known_uid != uid:
            return {}
        now = self._clock.monotonic()
        return {what: FirstSeen(at, now - since) for what, (at, since) in seen.items()}

    def record(self, key: Key, uid: str, timed: Collection[str]) -> None:
        """Records what the newest decision about the job measured the time of."""
        known_uid, seen = self._jobs.pop(key, (uid, {}))
        if known_uid != uid:
            seen = {}
        if timed:
            first = self._read_clocks()
            self._jobs[key] = (uid, {what: seen.get(what, first) for what in timed})

    def _read_clocks(self) -> tuple[datetime, float]:
        """The time of day and the monotonic clock at one moment.

        A process that was stopped between the two readings would measure that time as missing as long as it runs.
        """
        while True:
            before = self._clock.monotonic()
            at, since = self._clock.now(), self._clock.monotonic()
            if since - before < SAME_MOMENT_SECONDS:
                return at, since

    def remove(self, key: Key) -> None:
        """Forgets a deleted job."""
        self._jobs.pop(key, None)
