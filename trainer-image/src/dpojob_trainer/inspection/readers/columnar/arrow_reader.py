"""Reader of Arrow IPC files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa

from dpojob_trainer.shared.rows.row_batch import RowBatch

from .ipc_messages import check_batch_sizes
from .row_size import BATCH_ROWS, column_names, split_by_size


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
        InspectionError: The file has two columns of one name, or a row or a
            compressed batch that is too large.
    """
    with pa.memory_map(str(path)) as source:
        if is_file:
            reader = pa.ipc.open_file(source)
            count = reader.num_record_batches
            batches = ((i * source.size() // count, reader.get_batch(i)) for i in range(count))
        else:
            reader = pa.ipc.open_stream(source)
            batches = ((source.tell(), batch) for batch in reader)
        names = column_names(name, reader.schema)
        check_batch_sizes(name, path, is_file)
        wanted = names if columns is None else [column for column in columns if column in names]
        wanted = wanted or names[:1]
        empty, done = True, 0
        for consumed, batch in batches:
            empty = False
            kept = batch.select(wanted)
            # Arrow does not check offsets on reading; wrong ones would crash the process.
            kept.validate(full=True)
            for part in split_by_size(name, kept, done, BATCH_ROWS):
                yield RowBatch(names, record_batch=part, consumed=consumed)
            done += kept.num_rows
        if empty:
            yield RowBatch(names, record_batch=pa.RecordBatch.from_pylist([], reader.schema))
