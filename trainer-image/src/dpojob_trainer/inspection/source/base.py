"""A source of rows: files in order, and what is known about them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path


@dataclass(frozen=True)
class DataFile:
    """One file of rows. `name` is what the user calls it; it is fetched when first asked for."""

    name: str
    fetch: Callable[[], Path]
    size: int = 0

    @cached_property
    def path(self) -> Path:
        """The file on this machine. Raises CouldNotLook when it cannot be fetched."""
        return self.fetch()


@dataclass(frozen=True)
class Source:
    """The files of one split, in the order in which rows are numbered."""

    name: str
    files: list[DataFile]
    revision: str | None = None
    splits: list[str] = field(default_factory=list)
    """Splits that exist, where the source has splits."""

    @property
    def size(self) -> int:
        """Bytes of all files, as stored."""
        return sum(file.size for file in self.files)
