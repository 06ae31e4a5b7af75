"""How much space a disk had left at its fullest while something ran."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

GIB = 1 << 30
SECONDS_BETWEEN_LOOKS = 2.0
FULL = GIB
"""Free bytes from which images, databases and clusters fail to be written."""


@dataclass
class LowestSpace:
    """The least free space of a disk that was seen."""

    path: Path
    bytes: int

    def look(self) -> None:
        """Take the free space of this moment into account."""
        self.bytes = min(self.bytes, shutil.disk_usage(self.path).free)

    def __str__(self) -> str:
        """The space, and what it means where the disk was full."""
        text = f"{self.bytes / GIB:.1f} GiB of disk were free at the fullest"
        return f"{text}, which fails tests: free some space" if self.bytes < FULL else text


@contextmanager
def lowest_space(path: Path) -> Iterator[LowestSpace]:
    """Watch a disk.

    Args:
        path: A directory on it.

    Yields:
        What is up to date until the context ends.
    """
    lowest = LowestSpace(path, shutil.disk_usage(path).free)
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(SECONDS_BETWEEN_LOOKS):
            lowest.look()

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield lowest
    finally:
        ended.set()
        thread.join()
        lowest.look()
