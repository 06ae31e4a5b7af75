"""Progress messages for the user, as plain lines on standard error."""

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

_started = time.monotonic()


def elapsed() -> float:
    """Seconds since this command began."""
    return time.monotonic() - _started


def log(message: str) -> None:
    """Print one line of progress with the time since the command began."""
    print(f"[{elapsed():6.1f}s] {message}", file=sys.stderr, flush=True)


class Steps:
    """Progress through a known number of steps."""

    def __init__(self, total: int) -> None:
        self.total = total
        self.done = 0

    def next(self, message: str) -> None:
        """Print the message of the next step."""
        self.done += 1
        log(f"step {self.done}/{self.total}  {message}")


@contextmanager
def heartbeat(message: str, every: float = 15.0) -> Iterator[None]:
    """Repeat `message` while the body runs, so that a long command does not look like a hang."""
    stop = threading.Event()
    began = time.monotonic()

    def beat() -> None:
        while not stop.wait(every):
            log(f"... {message}, {time.monotonic() - began:.0f} s so far")

    thread = threading.Thread(target=beat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
