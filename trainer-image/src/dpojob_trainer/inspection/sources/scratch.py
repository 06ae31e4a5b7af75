"""The directory for files that are needed during an inspection only."""

from __future__ import annotations

import atexit
import functools
import shutil
import tempfile
from pathlib import Path

from dpojob_trainer.shared.container_environment import ContainerEnvironment


def scratch_directory() -> Path:
    """Choose the directory for downloads and for files that sorting spills to disk.

    Returns:
        A writable directory.
    """
    scratch = ContainerEnvironment().scratch
    if scratch is None:
        return _temporary_directory()
    root = scratch / "inspect"
    root.mkdir(parents=True, exist_ok=True)
    return root


@functools.cache
def _temporary_directory() -> Path:
    """A directory for this process only, removed when the process ends."""
    directory = Path(tempfile.mkdtemp(prefix="dpojob-inspect-"))
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    return directory
