"""Reads a source a second time and checks that its content is still what was inspected."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from dpojob_api.conditions import Reason
from dpojob_trainer.shared.errors import InspectionError

from .readers import NumberedBatch, read_source
from .sources import ContentHash, DataFile, Source


def read_unchanged(
    source: Source, content_hash: str | None, columns: Sequence[str]
) -> Iterator[NumberedBatch]:
    """Read all files, hashing each while it is read.

    A file that is replaced between the reader's open and that of the hash is found by its identity on
    the disk, before and after.

    Args:
        source: The source.
        content_hash: The hash of the inspected content; None where the inspection wrote none, as
            earlier versions for an evaluation split.
        columns: The columns to read.

    Yields:
        Batches of rows. They may be used only once all were read.

    Raises:
        InspectionError: A file is damaged; or, after the last batch, the content differs.
    """
    before = [_identity(file.path) for file in source.files]
    with ContentHash() as content:
        for batch in read_source(source, columns):
            content.add(batch.file)
            yield batch
        same = content_hash is None or content.hexdigest(source.files) == content_hash
    replaced = [
        file
        for file, identity in zip(source.files, before, strict=True)
        if _identity(file.path) != identity
    ]
    if replaced or not same:
        raise _changed(source, replaced or source.files)


def _identity(path: Path) -> tuple[int, int, int, int]:
    status = path.stat()
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def _changed(source: Source, files: Sequence[DataFile]) -> InspectionError:
    latest = max(files, key=lambda file: file.path.stat().st_mtime_ns).name
    which = latest if len(files) == 1 else f"a file of {source.name} (written last: {latest})"
    return InspectionError(
        Reason.DATASET_CHANGED,
        f"{which} was changed or replaced after it was inspected, so it is not trained on. Create this "
        "DPOJob again, which inspects it anew",
    )
