"""Reader of Parquet files."""

from __future__ import annotations

import mmap
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from dpojob_trainer.shared.errors import DatasetUnreadable
from dpojob_trainer.shared.rows.row_batch import RowBatch

from .decoded_sizes import rows_at_once
from .parquet_pages import DamagedParquetError, read_chunks
from .row_size import BATCH_ROWS, column_names, shares_values, split_by_size

if TYPE_CHECKING:
    import pyarrow.parquet as pq

BATCH_BYTES = 16 << 20
"""Bytes of a batch; where rows are large, a batch holds fewer of them."""
ROWS_WORTH_THREADS = 512
"""With fewer rows at once, columns are decoded one after another."""
JOINED_SHARE = 8
"""Parts with less than this fraction of a batch's rows are joined, at the price of a copy."""


def read_parquet(name: str, path: Path, columns: Sequence[str] | None) -> Iterator[RowBatch]:
    """Read a Parquet file. Row groups are read in parts, so that memory is bounded.

    Args:
        name: How messages call the file.
        path: The file.
        columns: The columns to read; None for all.

    Yields:
        Batches of at most `BATCH_ROWS` rows.

    Raises:
        DatasetUnreadable: The file is damaged, has two columns of one name, or has a row or a page
            that is too large.
    """
    # Imported here, since it imports filesystems and SSL, which files of other formats need not wait for.
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(path, pre_buffer=False, buffer_size=1 << 20)
    except (pa.ArrowInvalid, OSError) as problem:
        raise DatasetUnreadable(
            f"{name} is not a whole Parquet file: {str(problem).splitlines()[0][:200]}; copy it again"
        ) from None
    with file:
        names = column_names(name, file.schema_arrow)
        wanted = names if columns is None else [column for column in columns if column in names]
        if not wanted:
            # Rows are counted even where the file has none of the columns.
            wanted = names[:1]
        if file.metadata.num_rows == 0:
            yield RowBatch(names, record_batch=pa.RecordBatch.from_pylist([], file.schema_arrow))
        size, rows, done = path.stat().st_size, file.metadata.num_rows, 0
        batch_rows = _batch_rows(file.metadata)
        for decoded in _joined(_decoded(name, path, file, wanted, batch_rows), batch_rows):
            for batch in split_by_size(name, decoded, done, BATCH_ROWS):
                done += batch.num_rows
                yield RowBatch(names, record_batch=batch, consumed=size * done // rows)


def _decoded(
    name: str, path: Path, file: pq.ParquetFile, columns: list[str], batch_rows: int
) -> Iterator[pa.RecordBatch]:
    """The rows, in parts that are small enough to be decoded whatever they hold."""
    with path.open("rb") as raw, mmap.mmap(raw.fileno(), 0, access=mmap.ACCESS_READ) as data:
        try:
            groups = read_chunks(data)
        except DamagedParquetError as problem:
            raise DatasetUnreadable(f"{name} is damaged: {problem}; copy it again") from None
        for group, chunks in enumerate(groups):
            rows = min(batch_rows, rows_at_once(name, data, file, chunks, group, columns))
            # For few rows, handing columns to threads takes longer than decoding them.
            threads = rows >= ROWS_WORTH_THREADS
            decoded = 0
            for batch in file.iter_batches(
                rows, row_groups=[group], columns=columns, use_threads=threads
            ):
                decoded += batch.num_rows
                yield batch
            # pyarrow may read fewer rows of a damaged list column without an error.
            if decoded != (expected := file.metadata.row_group(group).num_rows):
                raise DatasetUnreadable(
                    f"{name} is damaged: row group {group} has {decoded} rows, not {expected} as its "
                    "footer says; copy it again"
                )


def _joined(parts: Iterator[pa.RecordBatch], batch_rows: int) -> Iterator[pa.RecordBatch]:
    """The same rows in larger batches, because each batch takes time by itself."""
    held: list[pa.RecordBatch] = []
    rows = size = 0
    joinable: bool | None = None
    for part in parts:
        if joinable is None:
            joinable = not shares_values(part.schema)
        if held and (rows + part.num_rows > batch_rows or size + part.nbytes > BATCH_BYTES):
            yield pa.concat_batches(held)
            held, rows, size = [], 0, 0
        if not joinable or (not held and part.num_rows >= batch_rows // JOINED_SHARE):
            yield part
            continue
        held.append(part)
        rows += part.num_rows
        size += part.nbytes
    if held:
        yield pa.concat_batches(held)


def _batch_rows(metadata: pq.FileMetaData) -> int:
    """Rows per batch, so that a batch of the largest rows keeps to BATCH_BYTES."""
    groups = [metadata.row_group(index) for index in range(metadata.num_row_groups)]
    widest = max((g.total_byte_size // max(1, g.num_rows) for g in groups), default=0)
    return int(min(BATCH_ROWS, max(1, BATCH_BYTES // max(1, widest))))
