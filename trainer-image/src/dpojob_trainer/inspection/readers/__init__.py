"""Readers of data files: rows as a stream of batches, in bounded memory, whatever the format."""

from .concurrency import prefetched
from .dispatch import read_file
from .row_stream import NumberedBatch, read_numbered_rows, read_source, split_batches

__all__ = [
    "NumberedBatch",
    "prefetched",
    "read_file",
    "read_numbered_rows",
    "read_source",
    "split_batches",
]
