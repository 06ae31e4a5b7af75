"""File locks, so that two processes never build, start or stop the same thing at once."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from devcluster.host import console


def _acquire(path: Path, what: str) -> int:
    """An open, locked file that is still the one at `path` (a holder may have removed it)."""
    while True:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Closed on exec (Python's default), so a daemon started under the lock does not keep it.
        fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            console.log(f"waiting for another process: {what}")
            fcntl.flock(fd, fcntl.LOCK_EX)
        try:
            if path.stat().st_ino == os.fstat(fd).st_ino:
                return fd
        except FileNotFoundError:
            pass
        os.close(fd)


@contextmanager
def locked(path: Path, what: str) -> Iterator[None]:
    """Hold an exclusive lock on `path`; prints a line when another process holds it.

    Only the holder may remove the file.
    """
    fd = _acquire(path, what)
    try:
        yield
    finally:
        os.close(fd)
