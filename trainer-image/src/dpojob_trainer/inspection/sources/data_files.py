"""The data files of one split and what is known about them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path


@dataclass(frozen=True)
class DataFile:
    """One file of rows. `name` is how messages call it; it is fetched when its path is first needed."""

    name: str
    fetch: Callable[[], Path]
    size: int = 0

    @cached_property
    def path(self) -> Path:
        """The local file.

        Raises:
            InspectionError: The file cannot be fetched.
        """
        return self.fetch()

    @property
    def stored_bytes(self) -> int:
        """The file's size as stored, in bytes; 0 while it is unknown, as for a URL not yet fetched."""
        known = self.size or "path" not in self.__dict__
        return self.size if known else self.path.stat().st_size


@dataclass(frozen=True)
class Source:
    """The files of one split, in the order in which rows are numbered."""

    name: str
    files: list[DataFile]
    revision: str | None = None
    splits: list[str] = field(default_factory=list)
    """All splits that exist; empty where the source has no splits."""
    files_without_split: list[str] = field(default_factory=list)
    """Files that are not read, because their names give no split while other files' names do."""

    @property
    def stored_bytes(self) -> int:
        """The size of all files as stored, in bytes; unknown sizes are estimated by the mean of the others."""
        known = [size for file in self.files if (size := file.stored_bytes)]
        return sum(known) * len(self.files) // max(1, len(known))
