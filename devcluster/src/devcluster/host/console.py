"""Telling the user what is happening, and how far it is. Plain lines, on standard error."""

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

_started = time.monotonic()
_quiet = False


def be_quiet() -> None:
    """Say nothing from now on (inside a test run)."""
    global _quiet
    _quiet = True


def elapsed() -> float:
    """Seconds since this command began."""
    return time.monotonic() - _started


def say(message: str) -> None:
    """One line of news."""
    if not _quiet:
        print(f"[{elapsed():6.1f}s] {message}", file=sys.stderr, flush=True)


class Steps:
    """A numbered walk through something with a known number of parts."""

    def __init__(self, total: int) -> None:
        self.total = total
        self.done = 0

    def next(self, message: str) -> None:
        """Announce the next part."""
        self.done += 1
        say(f"step {self.done}/{self.total}  {message}")


@contextmanager
def heartbeat(message: str, every: float = 15.0) -> Iterator[None]:
    """Repeat `message` while the body runs, so that a long silence never looks like a hang."""
    stop = threading.Event()
    began = time.monotonic()

    def beat() -> None:
        while not stop.wait(every):
            say(f"... {message}, {time.monotonic() - began:.0f} s so far")

    thread = threading.Thread(target=beat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
