"""A hash of weight files, which identifies a model on a volume, where there is no commit."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

BLOCK = 4 << 10
BLOCKS = 256
"""Blocks that are read of each file, spread evenly; training changes all weights, or those of many
layers."""
SHOWN = 16


def hash_weights(paths: Iterable[Path]) -> str:
    """Hash files by their names, sizes and a sample of their blocks; short files are hashed whole.

    Args:
        paths: The files.

    Returns:
        The first characters of the SHA-256 digest in hexadecimal.
    """
    digest = hashlib.sha256()
    for path in sorted(paths):
        size = path.stat().st_size
        digest.update(f"{path.name} {size}\n".encode())
        with path.open("rb") as file:
            if size <= BLOCK * BLOCKS:
                digest.update(file.read())
            else:
                for number in range(BLOCKS):
                    file.seek((size - BLOCK) * number // (BLOCKS - 1))
                    digest.update(file.read(BLOCK))
    return digest.hexdigest()[:SHOWN]
