"""The data files of one split: where they were found, and as local files."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from dpojob_trainer.shared.errors import DatasetNotFound


@dataclass(frozen=True, eq=False)
class DataFile:
    """One local file of rows. `name` is how messages call it."""

    name: str
    path: Path
    size: int
    """As stored, in bytes."""


@dataclass(frozen=True)
class Source:
    """The local files of one split, in the order in which rows are numbered."""

    name: str
    files: list[DataFile]
    revision: str | None = None
    splits: list[str] = field(default_factory=list)
    """All splits that exist; empty where the source has no splits."""
    files_without_split: list[str] = field(default_factory=list)
    """Files that are not read, because their names give no split while other files' names do."""

    @property
    def stored_bytes(self) -> int:
        """The size of all files as stored, in bytes."""
        return sum(file.size for file in self.files)


@dataclass(frozen=True)
class FoundFile:
    """One file of rows where it was found: on a claim, in a repository or at a URL."""

    name: str
    fetch: Callable[[], Path]
    """Copies the file to the local disk, unless it lies there."""


@dataclass(frozen=True)
class FoundSource:
    """The files of one split as they were found; nothing is downloaded yet."""

    name: str
    files: list[FoundFile]
    revision: str | None = None
    splits: list[str] = field(default_factory=list)
    """As in `Source`."""
    files_without_split: list[str] = field(default_factory=list)
    """As in `Source`."""

    def fetch(self) -> Source:
        """Fetch all files, one after the other, so that readers have local files only.

        Returns:
            The local files.

        Raises:
            DatasetNotFound: A file is not there any more.
            InspectionError: A file cannot be fetched.
        """
        files = []
        for file in self.files:
            path = file.fetch()
            try:
                size = path.stat().st_size
            except OSError as problem:
                raise DatasetNotFound(f"{file.name} cannot be read: {problem.strerror}") from None
            files.append(DataFile(file.name, path, size))
        return Source(self.name, files, self.revision, self.splits, self.files_without_split)
