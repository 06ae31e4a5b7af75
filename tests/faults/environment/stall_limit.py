"""How long a run is waited for: by what happens in it, whatever the machine's speed."""

from __future__ import annotations

import time

from tests.faults.invariants.history import History

MAX_CHANGES = 400
"""Versions of a run's objects during one wait; a run that converges has a few dozen. An operator that
writes without end makes one a second."""


class ConvergenceTimeout(Exception):
    """A condition that a run waits for was not true within the limit."""


class StallLimit:
    """Ends a wait during which nothing changes any more, or changes have no end.

    The time of a whole wait would depend on what else the machine does: here the time counts from the
    newest change of one of the run's objects.
    """

    def __init__(self, history: History, seconds: float) -> None:
        """`seconds`: how long nothing may change."""
        self._history, self._seconds = history, seconds
        self._began, self._versions = time.monotonic(), history.count

    def check(self, what: str) -> None:
        """Raises ConvergenceTimeout, with `what` is waited for, when the limit is reached."""
        if time.monotonic() - max(self._began, self._history.last_change) > self._seconds:
            raise ConvergenceTimeout(f"{what}: nothing changed for {self._seconds:.0f} s")
        if (changes := self._history.count - self._versions) > MAX_CHANGES:
            raise ConvergenceTimeout(f"{what}: not after {changes} changes of the run's objects")
