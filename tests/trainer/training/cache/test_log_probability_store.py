"""The store keeps values for later jobs, and whatever happens to its files costs values and nothing else."""

from __future__ import annotations

import hashlib
import math
import os
from pathlib import Path

import pytest

from dpojob_trainer.training.cache import LogProbabilityStore, log_probability_store

REFERENCE = "a" * 64


def key(number: int) -> bytes:
    return hashlib.sha256(str(number).encode()).digest()


def store(root: Path, reference: str = REFERENCE) -> LogProbabilityStore:
    return LogProbabilityStore(root, reference)


def filled(root: Path, numbers: range, reference: str = REFERENCE) -> LogProbabilityStore:
    made = store(root, reference)
    for number in numbers:
        made.add(key(number), (-float(number), -0.1))
    made.save()
    return made


def files(root: Path) -> list[Path]:
    return sorted(root.glob("*/*.pairs"))


def test_values_are_found_by_a_later_job_exactly(tmp_path: Path) -> None:
    filled(tmp_path, range(100))
    later = store(tmp_path)
    assert len(later) == 100
    assert later.get(key(7)) == (-7.0, -0.1)
    assert later.get(key(100)) is None


def test_values_of_another_reference_are_not_found(tmp_path: Path) -> None:
    filled(tmp_path, range(3))
    assert len(store(tmp_path, "b" * 64)) == 0


def test_two_writers_at_once_lose_nothing(tmp_path: Path) -> None:
    first, second = store(tmp_path), store(tmp_path)
    first.add(key(1), (1.0, 1.0))
    second.add(key(2), (2.0, 2.0))
    first.save()
    second.save()
    assert len(store(tmp_path)) == 2


def test_only_new_values_are_written(tmp_path: Path) -> None:
    filled(tmp_path, range(10))
    filled(tmp_path, range(12))
    sizes = sorted(path.stat().st_size for path in files(tmp_path))
    assert len(sizes) == 2 and sizes[0] < sizes[1] / 3
    filled(tmp_path, range(12))
    assert len(files(tmp_path)) == 2


def test_many_values_are_written_before_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_probability_store, "SAVE_EVERY", 5)
    made = store(tmp_path)
    for number in range(7):
        made.add(key(number), (0.0, 0.0))
    assert len(store(tmp_path)) == 5


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_value_that_is_no_finite_number_is_not_kept(tmp_path: Path, value: float) -> None:
    made = store(tmp_path)
    made.add(key(1), (-1.0, value))
    made.save()
    assert made.get(key(1)) is None
    assert not files(tmp_path)


def every_damage(whole: bytes) -> list[bytes]:
    """The file cut at every byte of its beginning and end, and each of those bytes changed."""
    places = [*range(120), *range(len(whole) - 60, len(whole))]
    changed = [whole[:at] + bytes([whole[at] ^ 0x41]) + whole[at + 1 :] for at in places]
    return [whole[:at] for at in places] + changed


def test_a_damaged_file_is_left_out_and_the_others_are_read(tmp_path: Path) -> None:
    filled(tmp_path, range(3))
    (whole,) = files(tmp_path)
    good = whole.read_bytes()
    for damaged in every_damage(good):
        whole.write_bytes(damaged)
        found = store(tmp_path)
        # A change of the count in the header changes no value.
        assert len(found) in (0, 3)
        assert all(found.get(key(n)) in (None, (-float(n), -0.1)) for n in range(3))
    whole.write_bytes(b"[" * 100_000 + b"\n")
    filled(tmp_path, range(3, 5))
    assert len(store(tmp_path)) == 2


def test_a_file_that_is_being_written_is_not_read(tmp_path: Path) -> None:
    filled(tmp_path, range(3))
    (path,) = files(tmp_path)
    path.rename(path.with_suffix(".part"))
    assert len(store(tmp_path)) == 0


def test_a_volume_that_cannot_be_written_costs_the_values_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    made = filled(tmp_path, range(3))
    assert made.get(key(1)) == (-1.0, -0.1)
    assert "No space left on device" in caplog.text
    assert not list(tmp_path.glob("*/*"))


def test_the_oldest_files_are_removed_beyond_the_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for age, reference in enumerate(("a" * 64, "b" * 64, "c" * 64)):
        filled(tmp_path, range(10), reference)
        for path in files(tmp_path):
            if path.parent.name == reference[:32]:
                os.utime(path, (age, age))
    size = files(tmp_path)[0].stat().st_size
    monkeypatch.setattr(log_probability_store, "MAX_BYTES", 3 * size)
    filled(tmp_path, range(10), "d" * 64)
    kept = {path.parent.name[0] for path in files(tmp_path)}
    assert kept == {"b", "c", "d"}
