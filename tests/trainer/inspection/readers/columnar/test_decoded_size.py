"""Small files that decode to gigabytes are read in bounded memory, or refused by row and column."""

from __future__ import annotations

import gzip
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dpojob_trainer.inspection import InspectionError
from dpojob_trainer.inspection.readers import read_file
from dpojob_trainer.inspection.readers.columnar import (
    ipc_messages,
)
from dpojob_trainer.inspection.sources import DataFile

MIB = 1 << 20
MAX_MIB = 1500
"""Peak of a process that reads one of these files; decoded they have 2 GiB or more."""
READ = """
import re, resource, sys, threading
from pathlib import Path
from dpojob_trainer.inspection import InspectionError
from dpojob_trainer.inspection.readers import prefetched, read_file
from dpojob_trainer.inspection.sources import DataFile
from dpojob_trainer.inspection.readers.concurrency import AHEAD
path, rows, taken, read = Path(sys.argv[1]), 0, 0, 0
changed = threading.Condition()
def counted(batches):
    global read
    try:
        for batch in batches:
            with changed:
                read += 1
                changed.notify()
            yield batch
    finally:
        with changed:
            read = sys.maxsize
            changed.notify()
# An allocation that would take the machine's memory fails instead.
resource.setrlimit(resource.RLIMIT_AS, (6 << 30, 6 << 30))
try:
    for batch in prefetched(counted(read_file(DataFile(path.name, path, path.stat().st_size)))):
        # The most that can be in memory: this batch, those that are read ahead, and one that waits for its place.
        taken += 1
        with changed:
            changed.wait_for(lambda: read > taken + AHEAD)
        if batch.record_batch is not None:
            for column in batch.record_batch.columns:
                if hasattr(column, "dictionary"):
                    column.cast(column.type.value_type)
        rows += len(batch)
    print(rows, "rows")
except InspectionError as problem:
    print(problem.message)
status = Path("/proc/self/status").read_text()
print(int(re.search(r"VmHWM:\\s+(\\d+) kB", status)[1]) // 1024)
"""


def read_in_child(path: Path) -> str:
    """Read the file in another process; returns what was read, and checks the peak of memory."""
    done = subprocess.run(
        [sys.executable, "-c", READ, str(path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-500:]
    result, peak = done.stdout.strip().rsplit("\n", 1)
    assert int(peak) <= MAX_MIB, f"{peak} MiB, {result}"
    return result


def read_all(path: Path) -> None:
    for _ in read_file(DataFile(path.name, path, path.stat().st_size)):
        pass


def indices(rows: int) -> pa.Array:
    return pa.array([0] * rows, pa.int32())


def repeated_text(rows: int) -> pa.DictionaryArray:
    return pa.DictionaryArray.from_arrays(indices(rows), pa.array(["x" * MIB]))


def write_without_arrow_schema(table: pa.Table, path: Path, **options: Any) -> None:
    pq.write_table(table, path, compression="zstd", store_schema=False, **options)
    assert path.stat().st_size < MIB


@pytest.mark.parametrize("store_schema", [False, True])
def test_a_long_text_in_a_dictionary(tmp_path: Path, store_schema: bool) -> None:
    path = tmp_path / "train.parquet"
    table = pa.table({"chosen": repeated_text(2048)})
    pq.write_table(table, path, compression="zstd", store_schema=store_schema)
    assert path.stat().st_size < 10_000
    assert read_in_child(path) == "2048 rows"


def test_a_long_text_in_a_dictionary_of_lists(tmp_path: Path) -> None:
    lists = pa.ListArray.from_arrays(list(range(0, 2049, 2)), repeated_text(2048))
    write_without_arrow_schema(pa.table({"chosen": lists}), tmp_path / "train.parquet")
    assert read_in_child(tmp_path / "train.parquet") == "1024 rows"


def test_one_row_that_repeats_a_long_text(tmp_path: Path) -> None:
    lists = pa.ListArray.from_arrays([0, 4096], repeated_text(4096))
    write_without_arrow_schema(pa.table({"chosen": lists}), tmp_path / "train.parquet")
    assert read_in_child(tmp_path / "train.parquet") == (
        "train.parquet, row group 0: a row may take 4096 MiB in memory, more than 256 MiB; in the "
        "column 'chosen.list.element' it has 4096 values of up to 1048576 bytes. Split such rows; if "
        "they are smaller, write the file without dictionaries, with pyarrow by use_dictionary=False"
    )


def test_one_row_of_very_many_nulls(tmp_path: Path) -> None:
    lists = pa.ListArray.from_arrays([0, 20_000_000], pa.nulls(20_000_000, pa.int8()))
    write_without_arrow_schema(pa.table({"chosen": lists}), tmp_path / "train.parquet")
    message = read_in_child(tmp_path / "train.parquet")
    assert "a row may take 305 MiB in memory, more than 256 MiB" in message
    assert "it has 20000000 values" in message


def test_values_that_repeat_the_value_before(tmp_path: Path) -> None:
    path = tmp_path / "train.parquet"
    text = repeated_text(64).cast(pa.string())
    encoding = {"chosen": "DELTA_BYTE_ARRAY"}
    with pq.ParquetWriter(
        path, pa.schema({"chosen": pa.string()}), use_dictionary=False,
        column_encoding=encoding, compression="zstd", data_page_size=1 << 30, write_batch_size=1,
    ) as writer:  # fmt: skip
        writer.write_table(pa.table({"chosen": pa.chunked_array([text] * 32)}))
    assert path.stat().st_size < MIB
    assert read_in_child(path) == "2048 rows"


def test_a_row_that_is_too_large_is_named(tmp_path: Path) -> None:
    path = tmp_path / "train.parquet"
    texts = pa.array(["a", "b", "x" * (257 * MIB)])
    pq.write_table(
        pa.table({"prompt": ["p"] * 3, "chosen": texts}), path, use_dictionary=False, compression="zstd"
    )  # fmt: skip
    assert read_in_child(path) == (
        "train.parquet, row 2: 257 MiB, most of them in the column 'chosen', more than 256 MiB; "
        "shorten or remove the row"
    )


def test_a_dictionary_of_an_arrow_file(tmp_path: Path) -> None:
    path = tmp_path / "train.arrow"
    table = pa.table({"chosen": repeated_text(2048)})
    options = pa.ipc.IpcWriteOptions(compression="zstd")
    with pa.ipc.new_file(path, table.schema, options=options) as writer:
        writer.write_table(table)
    assert path.stat().st_size < 20_000
    assert read_in_child(path) == "2048 rows"


@pytest.mark.parametrize(("is_file", "codec"), [(True, "zstd"), (False, "lz4")])
def test_a_compressed_batch_of_an_arrow_file(tmp_path: Path, is_file: bool, codec: str) -> None:
    path = tmp_path / "train.arrow"
    write_compressed(path, pa.table({"prompt": pa.nulls(160 * MIB, pa.int64())}), is_file, codec)
    assert path.stat().st_size < 20 * MIB
    assert read_in_child(path) == (
        "train.arrow: a compressed batch has 1300 MiB, more than 1024 MiB; write the file in batches "
        "of fewer rows"
    )


def write_compressed(path: Path, table: pa.Table, is_file: bool, codec: str) -> None:
    options = pa.ipc.IpcWriteOptions(compression=codec)
    make = pa.ipc.new_file if is_file else pa.ipc.new_stream
    with make(path, table.schema, options=options) as writer:
        writer.write_table(table)


@pytest.mark.parametrize("is_file", [True, False])
def test_the_size_of_every_compressed_batch_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_file: bool
) -> None:
    path = tmp_path / "train.arrow"
    words = pa.array(["word " * 100] * 50 + ["x" * 9000]).dictionary_encode()
    table = pa.table({"prompt": words, "chosen": ["a" * 100] * 51})
    write_compressed(path, table, is_file, "zstd")
    largest = []
    for limit in (0, 9000, 20_000):
        monkeypatch.setattr(ipc_messages, "MAX_BATCH_BYTES", limit)
        file = DataFile(path.name, path, path.stat().st_size)
        try:
            largest.append(sum(map(len, read_file(file))))
        except InspectionError as problem:
            assert "a compressed batch has" in problem.message
            largest.append(None)
    assert largest == [None, None, 51]


def test_a_compressed_csv_line_without_end(tmp_path: Path) -> None:
    path = tmp_path / "train.csv.gz"
    with gzip.open(path, "wb", compresslevel=1) as file:
        file.write(b"prompt,chosen,rejected\n")
        for _ in range(300):
            file.write(b"x" * MIB)
    assert read_in_child(path) == (
        "train.csv.gz, line 2 is longer than 256 MiB; is it CSV, one row per line?"
    )


def test_a_page_header_that_contradicts_the_footer_is_believed(tmp_path: Path) -> None:
    """pyarrow allocates the size in the page header, which the footer does not contain."""
    path = tmp_path / "train.parquet"
    pq.write_table(pa.table({"n": [1, 2, 3]}), path, use_dictionary=False, compression="none")
    data = bytearray(path.read_bytes())
    # The first page header: the type (field 1) and the uncompressed size (field 2) of the page.
    assert data[4:6] == b"\x15\x00" and data[6] == 0x15
    end = next(at for at in range(7, 20) if data[at] < 128) + 1
    data[7:end] = b"\xfe\xff\xff\xff\x0f"
    path.write_bytes(data)
    with pytest.raises(InspectionError, match=r"a page of the column 'n' has 2047 MiB"):
        read_all(path)


def test_a_page_header_with_a_structure_for_a_size(tmp_path: Path) -> None:
    path = tmp_path / "train.parquet"
    pq.write_table(pa.table({"n": [1, 2, 3]}), path, use_dictionary=False, compression="none")
    data = bytearray(path.read_bytes())
    assert data[6] == 0x15  # field 2, an integer
    data[6:8] = b"\x1c\x00"  # field 2, an empty structure
    path.write_bytes(data)
    with pytest.raises(InspectionError, match="invalid page header at byte 4, in the column 'n'"):
        read_all(path)


@pytest.mark.parametrize("suffix", ["parquet", "arrow"])
def test_a_column_name_that_is_not_utf8(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"train.{suffix}"
    table = pa.table({"chosen": ["a"]})
    if suffix == "parquet":
        pq.write_table(table, path, store_schema=False)
    else:
        with pa.ipc.new_stream(path, table.schema) as writer:
            writer.write_table(table)
    path.write_bytes(path.read_bytes().replace(b"chosen", b"chos\xbcn"))
    with pytest.raises(InspectionError, match="the name of a column is not UTF-8"):
        read_all(path)
