"""Columnar files are read as pyarrow reads them, and in large batches."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dpojob_trainer.inspection.readers import read_file
from dpojob_trainer.inspection.readers.columnar import decoded_sizes, parquet_reader, row_size
from dpojob_trainer.inspection.sources import DataFile


def read_table(path: Path) -> pa.Table:
    batches = read_file(DataFile(path.name, path, path.stat().st_size))
    return pa.Table.from_batches(
        [batch.record_batch for batch in batches if batch.record_batch is not None]
    )


text = st.one_of(st.none(), st.sampled_from(["", "a", "b" * 40]), st.text(max_size=6))
message = st.fixed_dictionaries({"role": st.sampled_from(["user", "assistant"]), "content": text})
kinds = st.sampled_from(
    [
        (pa.string(), text),
        (pa.binary(), st.one_of(st.none(), st.binary(max_size=5))),
        (pa.int64(), st.one_of(st.none(), st.integers(-9, 9))),
        (pa.list_(pa.string()), st.one_of(st.none(), st.lists(text, max_size=4))),
        (pa.list_(pa.struct({"role": pa.string(), "content": pa.string()})),
         st.one_of(st.none(), st.lists(st.one_of(st.none(), message), max_size=3))),
        (pa.list_(pa.list_(pa.int8())), st.lists(st.lists(st.integers(0, 3), max_size=3), max_size=3)),
        (pa.binary(3), st.one_of(st.none(), st.binary(min_size=3, max_size=3))),
    ]
)  # fmt: skip


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data(), st.lists(kinds, min_size=1, max_size=3), st.integers(0, 40))
def test_a_file_gives_the_rows_that_pyarrow_reads(tmp_path: Path, data, columns, rows) -> None:
    table = pa.table(
        {
            f"c{i}": pa.array(data.draw(st.lists(values, min_size=rows, max_size=rows)), kind)
            for i, (kind, values) in enumerate(columns)
        }
    )
    path = tmp_path / "train.parquet"
    pq.write_table(
        table,
        path,
        row_group_size=data.draw(st.sampled_from([3, 10, 100])),
        use_dictionary=data.draw(st.booleans()),
        dictionary_pagesize_limit=data.draw(st.sampled_from([16, 1 << 20])),
        data_page_version=data.draw(st.sampled_from(["1.0", "2.0"])),
        compression=data.draw(st.sampled_from(["none", "snappy", "gzip", "zstd", "lz4", "brotli"])),
        write_batch_size=data.draw(st.sampled_from([1, 1024])),
    )
    with pytest.MonkeyPatch.context() as patch:
        size = data.draw(st.sampled_from([1, 200, row_size.MAX_DECODED_BYTES]))
        for module in (decoded_sizes, row_size):
            patch.setattr(module, "MAX_DECODED_BYTES", size)
        patch.setattr(parquet_reader, "BATCH_BYTES", data.draw(st.sampled_from([64, 16 << 20])))
        found = read_table(path)
    assert found.equals(pq.read_table(path))


def test_ordinary_texts_are_read_in_large_batches(tmp_path: Path) -> None:
    """Bounds that split an ordinary file into small batches would make reading slow."""
    path = tmp_path / "train.parquet"
    numbers = pa.array(range(20_000)).cast(pa.string())
    texts = pc.binary_join_element_wise(
        numbers, pc.binary_repeat("text ", pa.array([100] * 20_000)), " "
    )
    pq.write_table(pa.table({"prompt": texts, "chosen": texts, "rejected": texts}), path)
    batches = list(read_file(DataFile(path.name, path, path.stat().st_size)))
    assert len(batches) <= 6
