"""Readers of Parquet and Arrow files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from dpojob_trainer.shared.errors import require_unique_columns, unreadable
from dpojob_trainer.shared.row_batch import RowBatch

BATCH_ROWS = 4096
BATCH_BYTES = 16 << 20
"""Bytes of a batch; where rows are large, a batch holds fewer of them."""


def read_parquet(name: str, path: Path, columns: Sequence[str] | None) -> Iterator[RowBatch]:
    """Read a Parquet file. Row groups are read in parts, so that memory is bounded.

    Args:
        name: How messages call the file.
        path: The file.
        columns: The columns to read; None for all.

    Yields:
        Batches of at most `BATCH_ROWS` rows.

    Raises:
        InspectionError: The file is damaged or has two columns of one name.
    """
    try:
        file = pq.ParquetFile(path, pre_buffer=False, buffer_size=1 << 20)
    except (pa.ArrowInvalid, OSError) as problem:
        raise unreadable(
            f"{name} is not a whole Parquet file: {str(problem).splitlines()[0][:200]}; copy it again"
        ) from None
    with file:
        names = _names(name, file.schema_arrow)
        wanted = names if columns is None else [column for column in columns if column in names]
        if not wanted:
            # Rows are counted even where the file has none of the columns.
            wanted = names[:1]
        if file.metadata.num_rows == 0:
            yield RowBatch(names, record_batch=pa.RecordBatch.from_pylist([], file.schema_arrow))
        size, rows, done = path.stat().st_size, file.metadata.num_rows, 0
        for batch in file.iter_batches(_batch_rows(file.metadata), columns=wanted):
            done += batch.num_rows
            yield RowBatch(names, record_batch=batch, consumed=size * done // rows)


def _names(name: str, schema: pa.Schema) -> list[str]:
    names: list[str] = list(schema.names)
    require_unique_columns(name, names)
    return names


def _batch_rows(metadata: pq.FileMetaData) -> int:
    """Rows per batch, so that a batch of the largest rows keeps to BATCH_BYTES."""
    groups = [metadata.row_group(index) for index in range(metadata.num_row_groups)]
    widest = max((g.total_byte_size // max(1, g.num_rows) for g in groups), default=0)
    return int(min(BATCH_ROWS, max(1, BATCH_BYTES // max(1, widest))))


def read_arrow(
    name: str, path: Path, columns: Sequence[str] | None, is_file: bool
) -> Iterator[RowBatch]:
    """Read an Arrow IPC file.

    Args:
        name: How messages call the file.
        path: The file.
        columns: The columns to read; None for all.
        is_file: Whether it has the IPC file format; else it has the stream format, which the
            `datasets` library writes.

    Yields:
        Batches of at most `BATCH_ROWS` rows.

    Raises:
        InspectionError: The file has two columns of one name.
    """
    with pa.memory_map(str(path)) as source:
        if is_file:
            reader = pa.ipc.open_file(source)
            count = reader.num_record_batches
            batches = ((i * source.size() // count, reader.get_batch(i)) for i in range(count))
        else:
            reader = pa.ipc.open_stream(source)
            batches = ((source.tell(), batch) for batch in reader)
        names = _names(name, reader.schema)
        wanted = names if columns is None else [column for column in columns if column in names]
        wanted = wanted or names[:1]
        empty = True
        for consumed, batch in batches:
            empty = False
            kept = batch.select(wanted)
            # Arrow does not check offsets on reading; wrong ones would crash the process.
            kept.validate(full=True)
            for start in range(0, kept.num_rows, BATCH_ROWS):
                yield RowBatch(names, record_batch=kept.slice(start, BATCH_ROWS), consumed=consumed)
        if empty:
            yield RowBatch(names, record_batch=pa.RecordBatch.from_pylist([], reader.schema))
