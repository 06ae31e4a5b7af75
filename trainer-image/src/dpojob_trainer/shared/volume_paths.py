"""Paths on mounted PersistentVolumeClaims: where a claim is mounted, and what lies on it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from .errors import InspectionError


def is_inside(root: Path, path: Path) -> bool:
    """Whether a path lies under a directory once all symbolic links are followed.

    Args:
        root: The directory, with its own symbolic links resolved.
        path: The path to check; it does not have to exist.

    Returns:
        True where the resolved path is `root` or lies below it.
    """
    return Path(os.path.realpath(path)).is_relative_to(root)


def mount_path(volumes: Mapping[str, Path], claim: str, missing: InspectionError) -> Path:
    """The directory where a claim is mounted.

    Args:
        volumes: The mounted claims by name, each with its directory.
        claim: The name of the claim.
        missing: The error for a claim that is not mounted.

    Returns:
        The directory with its symbolic links resolved.

    Raises:
        InspectionError: `missing`, when the claim is not mounted.
    """
    directory = volumes.get(claim)
    if directory is None or not Path(directory).is_dir():
        raise missing
    return Path(directory).resolve()
