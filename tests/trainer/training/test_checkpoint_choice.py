"""Which checkpoint a run goes on from: judged by content, never by name."""

from __future__ import annotations

from pathlib import Path

import pytest

from dpojob_trainer.training import checkpoints


def make(root: Path, name: str, step: int, *, key: str = "k", sealed: bool = True) -> Path:
    directory = root / name
    directory.mkdir(parents=True)
    (directory / "model.safetensors").write_bytes(bytes([step]) * 100)
    (directory / "optimizer.pt").write_bytes(bytes([step]) * 50)
    if sealed:
        checkpoints.seal(directory, key, step)
    return directory


def test_the_newest_by_its_own_step(tmp_path: Path) -> None:
    make(tmp_path, "checkpoint-9", 10)
    newest = make(tmp_path, "checkpoint-2", 20)
    assert checkpoints.newest(tmp_path, "k") == newest
    assert checkpoints.step_of(newest) == 20


def test_none_at_all(tmp_path: Path) -> None:
    assert checkpoints.newest(tmp_path / "absent", "k") is None


def cut_short(directory: Path) -> None:
    (directory / checkpoints.SEAL).unlink()


def truncated(directory: Path) -> None:
    (directory / "model.safetensors").write_bytes(b"x")


def flipped(directory: Path) -> None:
    data = bytearray((directory / "model.safetensors").read_bytes())
    data[50] ^= 1
    (directory / "model.safetensors").write_bytes(bytes(data))


def lost(directory: Path) -> None:
    (directory / "optimizer.pt").unlink()


def torn_seal(directory: Path) -> None:
    seal = directory / checkpoints.SEAL
    seal.write_text(seal.read_text()[:20])


def empty(directory: Path) -> None:
    for path in directory.iterdir():
        path.unlink()


def strangers(directory: Path) -> None:
    checkpoints.seal(directory, "another job", 20)


@pytest.mark.parametrize(
    "damage", [cut_short, truncated, flipped, lost, torn_seal, empty, strangers]
)
def test_a_bad_one_falls_back_to_the_one_before(tmp_path: Path, damage: object) -> None:
    good = make(tmp_path, "checkpoint-10", 10)
    bad = make(tmp_path, "checkpoint-20", 20)
    damage(bad)  # type: ignore[operator]
    assert checkpoints.flaw(bad, "k") is not None
    assert checkpoints.newest(tmp_path, "k") == good
    checkpoints.clear_unusable(tmp_path, "k")
    assert good.is_dir() and not bad.exists()
