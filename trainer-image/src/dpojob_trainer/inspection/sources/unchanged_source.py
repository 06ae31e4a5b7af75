"""Checks, while a source is read a second time, that its content is still what was inspected."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Protocol, TypeVar

from dpojob_api.conditions import Reason
from dpojob_trainer.shared.errors import InspectionError

from .content_hash import ContentHash
from .data_files import DataFile, Source


class _FromFile(Protocol):
    """A part of a source that knows the file it is from."""

    @property
    def file(self) -> DataFile:
        """The file."""
        ...


Part = TypeVar("Part", bound=_FromFile)


def check_unchanged(
    parts: Iterable[Part], source: Source, content_hash: str | None
) -> Iterator[Part]:
    """Hash each file of a source while it is read, and compare the hash after the last part.

    A file that is replaced between the reader's open and that of the hash is found by its identity on
    the disk, before and after.

    Args:
        parts: What a reader reads of the source; reading must begin only with the first part.
        source: The source.
        content_hash: The hash of the inspected content; None where the inspection wrote none, as
            earlier versions for an evaluation split.

    Yields:
        The same parts. They may be used only once all were read.

    Raises:
        InspectionError: After the last part, the content differs.
    """
    before = [_identity(file.path) for file in source.files]
    with ContentHash() as content:
        for part in parts:
            content.add(part.file)
            yield part
        same = content_hash is None or content.hexdigest(source.files) == content_hash
    replaced = [
        file
        for file, identity in zip(source.files, before, strict=True)
        if _identity(file.path) != identity
    ]
    if replaced or not same:
        raise InspectionError(Reason.DATASET_CHANGED, _changed(source, replaced or source.files))


def _identity(path: Path) -> tuple[int, int, int, int]:
    status = path.stat()
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def _changed(source: Source, files: Sequence[DataFile]) -> str:
    latest = max(files, key=lambda file: file.path.stat().st_mtime_ns).name
    which = latest if len(files) == 1 else f"a file of {source.name} (written last: {latest})"
    return (
        f"{which} was changed or replaced after it was inspected, so it is not trained on. Create this "
        "DPOJob again, which inspects it anew"
    )
