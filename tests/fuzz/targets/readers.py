"""The readers of data files, by format: rows or an InspectionError, whatever the bytes are."""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Callable, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from tests.fuzz.target import Target

from dpojob_api.conditions import Reason
from dpojob_trainer.inspection import InspectionError
from dpojob_trainer.inspection.readers import read_file
from dpojob_trainer.inspection.sources import DataFile

from .scratch import scratch

ROWS: list[dict[str, Any]] = [
    {"prompt": "Why?", "chosen": "So.", "rejected": 'No "way", é'},
    {"prompt": "2020-01-01", "chosen": "", "rejected": None},
]
CHATS: list[dict[str, Any]] = [
    {
        "chosen": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}],
        "rejected": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "c"}],
        "score": {"chosen": 1.5, "tags": ["x", None]},
    }
]
JSON_TOKENS = (
    '{"prompt":"', '","chosen":"', '"rejected":', "[", "]", "{", "}", "null", "true", "1e400", "-0",
    "\\ud800", "\\u0000", '{"a":[[]]}', "\n", "\r\n", "NaN", "\ufeff", "1e308", str(2**53), str(10**30), "9" * 60,
)  # fmt: skip


def _count(path_name: str, data: bytes, columns: Sequence[str] | None) -> int | None:
    """The rows of the file; None where it is refused, with the documented reason and a message."""
    path = scratch(path_name)
    path.write_bytes(data)
    file = DataFile(path_name, path, len(data))
    rows = 0
    try:
        for batch in read_file(file, columns):
            values = batch.rows()
            assert len(values) == len(batch)
            assert all(set(row) <= set(batch.columns) for row in values)
            rows += len(batch)
    except InspectionError as error:
        assert error.reason == Reason.DATASET_UNREADABLE and error.message
        return None
    return rows


def _check(path_name: str) -> Callable[[bytes], None]:
    def check(data: bytes) -> None:
        whole = _count(path_name, data, None)
        some = _count(path_name, data, ["prompt", "absent"])
        # Columns that are not wanted may be damaged; the rows are the same ones.
        assert whole is None or whole == some, (whole, some)

    return check


def _lines(rows: list[dict[str, Any]]) -> bytes:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()


def _parquet(table: pa.Table, **options: Any) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table, sink, store_schema=False, write_statistics=False, **options)
    return sink.getvalue()


def _arrow(table: pa.Table, *, is_file: bool, compression: str | None = None) -> bytes:
    sink = pa.BufferOutputStream()
    options = pa.ipc.IpcWriteOptions(compression=compression)
    make = pa.ipc.new_file if is_file else pa.ipc.new_stream
    with make(sink, table.schema, options=options) as writer:
        writer.write_table(table)
    return sink.getvalue().to_pybytes()


def _tables() -> list[pa.Table]:
    texts = pa.Table.from_pylist(ROWS)
    return [
        texts,
        pa.Table.from_pylist(CHATS),
        pa.table({"prompt": pa.array(["a", "b", "a"]).dictionary_encode(), "n": [[1], [], None]}),
    ]


def _targets() -> list[Target]:
    lines, chats = _lines(ROWS), _lines(CHATS)
    listed = json.dumps(ROWS).encode()
    table = b'prompt,chosen,rejected\nWhy?,So.,"No ""way"",\n\xc3\xa9"\n2020-01-01,,a\n'
    tables = _tables()
    zstd = pa.compress(lines, "zstd", asbytes=True)
    parquet = [_parquet(each) for each in tables]
    parquet += [
        _parquet(tables[0], compression=codec, data_page_version="2.0")
        for codec in ("zstd", "gzip", "none")
    ]
    parquet.append(_parquet(tables[0], use_dictionary=False, column_encoding="DELTA_BYTE_ARRAY"))
    arrow = [
        _arrow(each, is_file=is_file, compression=codec)
        for each in tables
        for is_file, codec in ((True, None), (False, None), (False, "zstd"))
    ]
    compressed = (gzip.compress(lines, mtime=0), zstd, gzip.compress(table, mtime=0))
    return [
        Target("json", _check("rows.json"), (listed, lines, b'{"data": ' + listed + b"}"), JSON_TOKENS),
        Target("jsonl", _check("rows.jsonl"), (lines, chats, b"\xef\xbb\xbf" + lines), JSON_TOKENS),
        Target("csv", _check("rows.csv"), (table, table.replace(b",", b";")), (",", '"', '""', "\r\n", "\0")),
        Target("tsv", _check("rows.tsv"), (table.replace(b",", b"\t"),), ("\t", '"', "\r\n")),
        Target("parquet", _check("rows.parquet"), tuple(parquet), ("PAR1",)),
        Target("arrow", _check("rows.arrow"), tuple(arrow), ("ARROW1",)),
        Target("compressed", _check("rows.jsonl.gz"), compressed),
        Target("sniffed", _check("rows"), (lines, listed, table, parquet[0], arrow[0]), JSON_TOKENS),
    ]  # fmt: skip


TARGETS = _targets()
