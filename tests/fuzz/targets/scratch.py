"""A directory for the inputs that are read from files, in memory where the machine has that."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path

MEMORY = Path("/dev/shm")


@cache
def _directory() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(
        prefix="dpojob-fuzz-", dir=MEMORY if MEMORY.is_dir() else None
    )


def scratch(name: str) -> Path:
    """A path in the directory of this process, which is removed when the process ends."""
    path = Path(_directory().name) / name
    path.parent.mkdir(parents=True, exist_ok=True)
    return path
