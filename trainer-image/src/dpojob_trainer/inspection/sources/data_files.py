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
        """The file on this machine. Raises InspectionError when it cannot be fetched."""
        return self.fetch()

    @property
    def stored(self) -> int:
        """Its bytes; 0 while that is unknown, as of an address before it is fetched."""
        known = self.size or "path" not in self.__dict__
        return self.size if known else self.path.stat().st_size


@dataclass(frozen=True)
class Source:
    """The files of one split, in the order in which rows are numbered."""

    name: str
    files: list[DataFile]
    revision: str | None = None
    splits: list[str] = field(default_factory=list)
    """Splits that exist, where the source has splits."""
    unnamed: list[str] = field(default_factory=list)
    """Files that are not read, since they name no split and others do."""

    @property
    def stored(self) -> int:
        """Bytes of all files; those not known yet are taken to be as large as the others."""
        known = [size for file in self.files if (size := file.stored)]
        return sum(known) * len(self.files) // max(1, len(known))
