"""A limit on the time of code that looks at no clock: datasets that are downloaded, metrics that compute."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

SECONDS_BETWEEN = 1.0
"""The pause until the code is interrupted once more, where it was interrupted and runs on."""
SHORTEST = 1e-3
"""Seconds of a timer whose time is already up; 0 would switch it off."""


class TimeIsUp(BaseException):
    """The deadline has passed. Not an Exception, so that no library's `except Exception` catches it."""


@contextmanager
def time_limit(deadline: float) -> Iterator[None]:
    """Raise TimeIsUp inside the block once a deadline, by `time.monotonic`, has passed.

    By SIGALRM, which interrupts what waits for a network or a process too. Signals reach the main thread only,
    in which containers and the command evaluate; in another one there is no limit.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    inside = True

    def end(_number: int, _frame: object) -> None:
        if inside:
            raise TimeIsUp

    before = signal.signal(signal.SIGALRM, end)
    signal.setitimer(
        signal.ITIMER_REAL, max(SHORTEST, deadline - time.monotonic()), SECONDS_BETWEEN
    )
    try:
        try:
            yield
        finally:
            inside = False
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
