"""The least free space while tests ran is known, and called what fails them where it is too little."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from hack.testing.disk import FULL, GIB, LowestSpace, lowest_space
from tests.kit.waiting import wait_until


def test_the_least_free_space_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    free = [5 * GIB]
    monkeypatch.setattr("hack.testing.disk.SECONDS_BETWEEN_LOOKS", 0.01)
    monkeypatch.setattr(
        "hack.testing.disk.shutil.disk_usage",
        lambda _: shutil._ntuple_diskusage(9 * GIB, 0, free[0]),
    )
    with lowest_space(tmp_path) as space:
        free[0] = 2 * GIB
        wait_until(lambda: space.bytes == 2 * GIB, "the free space was read")
        free[0] = 7 * GIB
    assert space.bytes == 2 * GIB
    assert str(space) == "2.0 GiB of disk were free at the fullest"


def test_the_space_at_the_end_counts(tmp_path: Path) -> None:
    with lowest_space(tmp_path) as space:
        space.bytes = 1 << 60
    assert space.bytes < 1 << 60


def test_a_full_disk_is_named_as_a_cause(tmp_path: Path) -> None:
    assert str(LowestSpace(tmp_path, FULL)).endswith("fullest")
    assert str(LowestSpace(tmp_path, FULL - 1)).endswith("fails tests: free some space")
