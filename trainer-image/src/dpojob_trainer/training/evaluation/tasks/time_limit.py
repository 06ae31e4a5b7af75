"""A limit on the time of code that looks at no clock: datasets that are downloaded, metrics that compute."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

SECONDS_BETWEEN = 1.0
"""The pause until the code is interrupted once more, where it was interrupted and runs on."""


class TimeIsUp(BaseException):
    """The deadline has passed. Not an Exception, so that no library's `except Exception` catches it."""


@contextmanager
def time_limit(deadline: float) -> Iterator[None]:
    """Raise TimeIsUp once a deadline, by `time.monotonic`, has passed: before the block, or inside it.

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

    seconds = deadline - time.monotonic()
    if seconds <= 0:
        raise TimeIsUp
    before = signal.signal(signal.SIGALRM, end)
    try:
        try:
            signal.setitimer(signal.ITIMER_REAL, seconds, SECONDS_BETWEEN)
            yield
        finally:
            inside = False
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
