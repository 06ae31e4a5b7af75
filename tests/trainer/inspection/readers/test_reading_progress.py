"""Progress moves inside a file, whatever it is stored as, and its estimate of the rows becomes exact."""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import pytest
from tests.kit.inspection.volume_fixture import spec_of

from dpojob_trainer.inspection import inspect
from dpojob_trainer.inspection.readers import csv, jsonl

COUNT = 20_000
TABLE = pa.table(
    {
        "prompt": [f"what is {i}?" for i in range(COUNT)],
        "chosen": [random.Random(i).randbytes(64).hex() for i in range(COUNT)],
        "rejected": ["no"] * COUNT,
    }
)
LINES = "".join(json.dumps(row) + "\n" for row in TABLE.to_pylist()).encode()


def _arrow(path: Path) -> None:
    with pa.ipc.new_stream(path, TABLE.schema) as writer:
        writer.write_table(TABLE, max_chunksize=1000)


FORMS: dict[str, Callable[[Path], object]] = {
    "train.jsonl": lambda path: path.write_bytes(LINES),
    "train.jsonl.gz": lambda path: path.write_bytes(gzip.compress(LINES)),
    "train.jsonl.zst": lambda path: path.write_bytes(pa.compress(LINES, "zstd", asbytes=True)),
    "train.parquet": lambda path: pq.write_table(TABLE, path),
    "train.csv": lambda path: pa_csv.write_csv(TABLE, path),
    "train.arrow": _arrow,
}


@pytest.mark.parametrize("name", FORMS)
def test_progress_inside_one_file(volume, monkeypatch, name: str) -> None:
    monkeypatch.setattr(jsonl, "BLOCK_BYTES", 1 << 16)
    monkeypatch.setattr(csv, "BLOCK_BYTES", 1 << 16)
    monkeypatch.setattr(csv, "PROBED_BYTES", 1 << 12)
    path = volume.root / "pairs" / name
    path.parent.mkdir()
    FORMS[name](path)
    reported: list[tuple[int, int | None]] = []
    report = inspect(spec_of(), volume.volumes, progress=lambda *so_far: reported.append(so_far))
    assert report.valid and report.rows == COUNT
    done = [rows for rows, _ in reported]
    assert done == sorted(done) and done[-1] == COUNT
    assert len(set(done)) >= 5
    totals = [total for _, total in reported if total is not None]
    assert len(totals) >= 5
    later = totals[len(totals) // 2 :]
    assert all(0.7 * COUNT <= total <= 1.4 * COUNT for total in later), later
    assert totals[-1] <= 1.1 * COUNT
