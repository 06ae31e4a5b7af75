"""Which checkpoint a run goes on from: judged by content, never by name."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dpojob_trainer.training.digested_files import FileDigests
from dpojob_trainer.training.loop import checkpoints


def make(root: Path, name: str, step: int, *, key: str = "k", sealed: bool = True) -> Path:
    directory = root / name
    directory.mkdir(parents=True)
    (directory / "model.safetensors").write_bytes(bytes([step]) * 100)
    (directory / "optimizer.pt").write_bytes(bytes([step]) * 50)
    if sealed:
        checkpoints.write_manifest(directory, key, step, FileDigests())
    return directory


def test_the_newest_by_its_own_step(tmp_path: Path) -> None:
    make(tmp_path, "checkpoint-9", 10)
    newest = make(tmp_path, "checkpoint-2", 20)
    assert checkpoints.latest(tmp_path, "k") == newest
    assert checkpoints.step_of(newest) == 20


def test_none_at_all(tmp_path: Path) -> None:
    assert checkpoints.latest(tmp_path / "absent", "k") is None


def cut_short(directory: Path) -> None:
    (directory / checkpoints.MANIFEST).unlink()


def truncated(directory: Path) -> None:
    (directory / "model.safetensors").write_bytes(b"x")


def flipped(directory: Path) -> None:
    data = bytearray((directory / "model.safetensors").read_bytes())
    data[50] ^= 1
    (directory / "model.safetensors").write_bytes(bytes(data))


def lost(directory: Path) -> None:
    (directory / "optimizer.pt").unlink()


def torn_seal(directory: Path) -> None:
    manifest = directory / checkpoints.MANIFEST
    manifest.write_text(manifest.read_text()[:20])


def empty(directory: Path) -> None:
    for path in directory.iterdir():
        path.unlink()


def other_job(directory: Path) -> None:
    checkpoints.write_manifest(directory, "another job", 20, FileDigests())


@pytest.mark.parametrize(
    "damage", [cut_short, truncated, flipped, lost, torn_seal, empty, other_job]
)
def test_a_bad_one_falls_back_to_the_one_before(tmp_path: Path, damage: object) -> None:
    good = make(tmp_path, "checkpoint-10", 10)
    bad = make(tmp_path, "checkpoint-20", 20)
    damage(bad)  # type: ignore[operator]
    assert checkpoints.validate(bad, "k") is not None
    assert checkpoints.latest(tmp_path, "k") == good
    checkpoints.clear_unusable(tmp_path, "k")
    assert good.is_dir() and not bad.exists()


def with_best_checkpoint(directory: Path, best: Path | None) -> Path:
    """With the trainer state that names the best checkpoint so far by its absolute path."""
    state = {"best_model_checkpoint": None if best is None else str(best)}
    (directory / checkpoints.STATE).write_text(json.dumps(state))
    return directory


def names(root: Path) -> set[str]:
    return {path.name for path in root.iterdir()}


def test_the_newest_and_the_best_that_each_of_them_names_are_kept(tmp_path: Path) -> None:
    first = with_best_checkpoint(make(tmp_path, "checkpoint-1", 1), None)
    with_best_checkpoint(make(tmp_path, "checkpoint-2", 2), first)
    with_best_checkpoint(make(tmp_path, "checkpoint-3", 3), first)
    fourth = make(tmp_path, "checkpoint-4", 4)
    with_best_checkpoint(fourth, fourth)
    checkpoints.rotate(tmp_path, 2, str(fourth))
    assert names(tmp_path) == {"checkpoint-1", "checkpoint-3", "checkpoint-4"}


def test_the_best_of_the_run_is_kept_whatever_the_newest_names(tmp_path: Path) -> None:
    best = with_best_checkpoint(make(tmp_path, "checkpoint-1", 1), None)
    with_best_checkpoint(make(tmp_path, "checkpoint-2", 2), None)
    with_best_checkpoint(make(tmp_path, "checkpoint-3", 3), None)
    checkpoints.rotate(tmp_path, 1, str(best))
    assert names(tmp_path) == {"checkpoint-1", "checkpoint-3"}


def test_one_that_is_not_sealed_counts_for_none_of_them(tmp_path: Path) -> None:
    for step in (1, 2):
        with_best_checkpoint(make(tmp_path, f"checkpoint-{step}", step), None)
    make(tmp_path, "checkpoint-3", 3, sealed=False)
    checkpoints.rotate(tmp_path, 2, None)
    assert {"checkpoint-1", "checkpoint-2"} <= names(tmp_path)
