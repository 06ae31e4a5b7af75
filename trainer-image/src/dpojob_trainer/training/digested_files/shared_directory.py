"""Files in a directory that several jobs write to at once: each is whole, and all together have a limit."""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

PART = ".part"
"""Ends the name of a file that is being written."""
ABANDONED_SECONDS = 24 * 3600.0
"""The age after which an unfinished file counts as that of a job that was killed."""


@contextmanager
def writing_whole(path: Path) -> Iterator[BinaryIO]:
    """Write a file under another name and rename it, so that writers need no lock and readers see whole files only.

    Args:
        path: The file; one that exists is replaced.
    """
    part = path.with_name(uuid.uuid4().hex + PART)
    try:
        with part.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        part.rename(path)
    finally:
        part.unlink(missing_ok=True)


def remove_oldest(root: Path, suffix: str, max_bytes: int) -> None:
    """Remove the oldest files where all together are larger than a limit, and parts that a killed job has left.

    Args:
        root: A directory; files of its subdirectories count.
        suffix: What their names end with.
        max_bytes: The limit.
    """
    found = _by_age(root.rglob(f"*{suffix}"))
    total = sum(size for _, size, _ in found)
    for _, size, path in found:
        if total <= max_bytes:
            break
        path.unlink(missing_ok=True)
        total -= size
    for modified, _, path in _by_age(root.rglob(f"*{PART}")):
        if time.time() - modified > ABANDONED_SECONDS:
            path.unlink(missing_ok=True)


def _by_age(paths: Iterable[Path]) -> list[tuple[float, int, Path]]:
    """Time of change, bytes and path of files, the oldest first."""
    found = []
    for path in paths:
        try:
            status = path.stat()
        except FileNotFoundError:  # Another job has removed it.
            continue
        found.append((status.st_mtime, status.st_size, path))
    return sorted(found)
