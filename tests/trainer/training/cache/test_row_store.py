"""The store keeps tokens for later jobs, and whatever happens to its files costs time and nothing else."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pyarrow as pa
import pytest

from dpojob_trainer.training.cache import TokenizedRowStore, row_store
from dpojob_trainer.training.digested_files import shared_directory

KEY = "a" * 64
ROWS = [
    {"prompt_ids": [number, 2], "chosen_ids": [3] * number, "rejected_ids": [4]}
    for number in range(20)
]


def tables(rows: list[dict[str, list[int]]] = ROWS) -> list[pa.Table]:
    """Two tables with a column that is not kept, and numbers of 64 bits, as datasets has them."""
    kept = [{"chosen": "text", **row} for row in rows]
    return [pa.Table.from_pylist(kept[:7]), pa.Table.from_pylist(kept[7:])]


def fetched(store: TokenizedRowStore, target: Path, key: str = KEY) -> list[dict[str, list[int]]]:
    assert store.fetch(key, target)
    rows: list[dict[str, list[int]]] = (
        pa.ipc.open_stream(target.read_bytes()).read_all().to_pylist()
    )
    return rows


def test_a_later_job_finds_the_same_rows(tmp_path: Path) -> None:
    TokenizedRowStore(tmp_path / "cache").save(KEY, tables())
    later = TokenizedRowStore(tmp_path / "cache")
    assert fetched(later, tmp_path / "job" / "rows.arrow") == ROWS
    assert not later.fetch("b" * 64, tmp_path / "other.arrow")
    assert not (tmp_path / "other.arrow").exists()


def test_of_two_writers_at_once_one_is_kept_whole(tmp_path: Path) -> None:
    store = TokenizedRowStore(tmp_path)

    def while_another_writes() -> list[pa.Table]:
        TokenizedRowStore(tmp_path).save(KEY, tables())
        return tables()

    store.save(KEY, (table for table in while_another_writes()))
    assert fetched(store, tmp_path / "rows.arrow") == ROWS
    assert [path.name for path in tmp_path.glob("*.part")] == []


def test_a_damaged_file_is_not_used_and_leaves_nothing(tmp_path: Path) -> None:
    store, target = TokenizedRowStore(tmp_path / "cache"), tmp_path / "job" / "rows.arrow"
    store.save(KEY, tables())
    (path,) = (tmp_path / "cache").iterdir()
    whole = path.read_bytes()
    places = [*range(0, len(whole), 37), len(whole) - 32, len(whole) - 1]
    for damaged in (
        *(whole[:at] for at in places),
        *(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :] for at in places),
        whole + b"more",
    ):
        path.write_bytes(damaged)
        assert not store.fetch(KEY, target)
        assert list(target.parent.iterdir()) == []
    store.save(KEY, tables())
    assert fetched(store, target) == ROWS


def test_a_full_volume_costs_later_jobs_time_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    store = TokenizedRowStore(tmp_path / "cache")
    store.save(KEY, tables())
    with monkeypatch.context() as patched:
        patched.setattr(shared_directory.os, "fsync", full)
        store.save("b" * 64, tables())
        assert not store.fetch(KEY, tmp_path / "rows.arrow")
    assert "tokenised rows are not kept for later jobs: [Errno 28]" in caplog.text
    assert [path.name[0] for path in (tmp_path / "cache").iterdir()] == ["a"]
    assert not (tmp_path / "rows.arrow").exists()


def test_an_interrupted_writer_leaves_nothing(tmp_path: Path) -> None:
    def interrupted() -> list[pa.Table]:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        TokenizedRowStore(tmp_path).save(KEY, (table for table in interrupted()))
    assert list(tmp_path.iterdir()) == []


def test_what_was_used_longest_ago_is_removed_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = TokenizedRowStore(tmp_path / "cache")
    for number, letter in enumerate("abc"):
        store.save(letter * 64, tables())
        os.utime(tmp_path / "cache" / f"{letter * 64}.tokens", (number, number))
    size = (tmp_path / "cache" / f"{KEY}.tokens").stat().st_size
    assert store.fetch(KEY, tmp_path / "rows.arrow")
    monkeypatch.setattr(row_store, "MAX_BYTES", 2 * size)
    store.save("d" * 64, tables())
    assert sorted(path.name[0] for path in (tmp_path / "cache").iterdir()) == ["a", "d"]


def test_what_a_killed_job_was_writing_is_removed_after_a_day(tmp_path: Path) -> None:
    old, new = tmp_path / "1.part", tmp_path / "2.part"
    for path, age in ((old, 25 * 3600), (new, 3600)):
        path.write_bytes(b"half")
        os.utime(path, (time.time() - age,) * 2)
    TokenizedRowStore(tmp_path).save(KEY, tables())
    assert not old.exists()
    assert new.exists()
