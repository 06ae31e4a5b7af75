"""Directories: the cache of downloads and builds, and the state of each cluster."""

import os
from pathlib import Path


def _base(variable: str, default: str) -> Path:
    value = os.environ.get(variable)
    return Path(value) if value else Path.home() / default


def cache_dir() -> Path:
    """Downloads and builds, keyed by version; safe to delete at any time."""
    path = _base("XDG_CACHE_HOME", ".cache") / "dpojob"
    path.mkdir(parents=True, exist_ok=True)
    return path


def state_root() -> Path:
    """One directory per cluster, and their lock files."""
    path = _base("XDG_STATE_HOME", ".local/state") / "dpojob"
    path.mkdir(parents=True, exist_ok=True)
    return path


def runtime_root() -> Path:
    """Sockets and mounts of real nodes. Short, since a socket's path may have 107 bytes."""
    return Path("/run/dpojob")
