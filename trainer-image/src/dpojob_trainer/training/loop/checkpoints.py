"""Checkpoints: which are complete, which training they belong to, and which one to resume from.

The trainer writes a checkpoint file by file. It counts only once it has a manifest with the digest of
every file, which is written last. A checkpoint that is incomplete, damaged or of another job has no
valid manifest and is ignored.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dpojob_trainer.training.digested_files import FileDigests, read_digest

log = logging.getLogger(__name__)
MANIFEST = "dpojob-seal.json"
"""Holds the job's key, the step, and the size and digest of every other file of the checkpoint."""
PREFIX = "checkpoint-"
STATE = "trainer_state.json"
"""Written by transformers: the log so far and the run's state."""
MIN_KEPT = 2
"""The newest checkpoints that are kept at least: the second serves where the first is damaged."""


def write_manifest(directory: Path, key: str, step: int, digests: FileDigests) -> None:
    """Mark the checkpoint as complete. Files that `digests` does not know are read."""
    found = {
        str(path.relative_to(directory)): digests.of(path)
        for path in sorted(directory.rglob("*"))
        if path.is_file() and path.name != MANIFEST
    }
    files = {name: [file.size, file.digest] for name, file in found.items()}
    part = directory / f"{MANIFEST}.part"
    with part.open("w", encoding="utf-8") as out:
        json.dump({"key": key, "step": step, "files": files}, out)
        out.flush()
        os.fsync(out.fileno())
    part.rename(directory / MANIFEST)


def validate(directory: Path, key: str) -> str | None:
    """Why the checkpoint cannot be used for the training with this key; None when it can."""
    try:
        manifest = _read_manifest(directory)
        files: dict[str, tuple[int, str]] = manifest["files"]
    except (OSError, ValueError, KeyError):
        return "it was not finished"
    if manifest.get("key") != key:
        return "it belongs to another job or to other settings"
    for name, (size, digest) in files.items():
        path = directory / name
        if not path.is_file():
            return f"{name} is missing"
        if path.stat().st_size != size:
            return f"{name} has {path.stat().st_size} bytes instead of {size}"
        if read_digest(path).digest != digest:
            return f"{name} is damaged"
    return None


def latest(root: Path, key: str) -> Path | None:
    """The valid checkpoint of the highest step."""
    for _, directory in sorted(_candidates(root), reverse=True):
        reason = validate(directory, key)
        if reason is None:
            return directory
        log.warning("checkpoint %s is not used: %s", directory.name, reason)
    return None


def latest_step(root: Path) -> int:
    """The highest step in any manifest, -1 without one. Checkpoints are not validated."""
    return max((step for step, _ in _candidates(root)), default=-1)


def expected_resume(root: Path, key: str) -> tuple[int, int]:
    """The step of this training's latest checkpoint and the number of steps of the run.

    Zeros where there is none. The checkpoint is not validated: the progress shows at once where a new
    attempt is about to resume.
    """
    for step, directory in sorted(_candidates(root), reverse=True):
        with contextlib.suppress(OSError, ValueError, KeyError):
            if _read_manifest(directory)["key"] == key:
                return step, int(read_state(directory)["max_steps"])
    return 0, 0


def rotate(root: Path, newest: int, best: str | None) -> None:
    """Remove all complete checkpoints except the `newest` ones, the `best`, and the best of each of those.

    A run that resumes from any of them then finds the checkpoint that was the best at that step.
    """
    complete = [path for step, path in sorted(_candidates(root), reverse=True) if step >= 0]
    needed = {path.name for path in complete[:newest]} | {
        best_of(path) for path in complete[:newest]
    }
    needed.add(_name(best))
    for directory in complete:
        if directory.name not in needed:
            shutil.rmtree(directory, ignore_errors=True)


def clear_unusable(root: Path, key: str) -> None:
    """Remove checkpoints that cannot be used, so that they take no space and no library finds them."""
    for directory in root.glob(f"{PREFIX}*"):
        if directory.is_dir() and validate(directory, key) is not None:
            shutil.rmtree(directory, ignore_errors=True)


def find_step(root: Path, step: int) -> Path | None:
    """The complete checkpoint of a step; None where there is none."""
    return next((path for found, path in _candidates(root) if found == step), None)


def best_of(directory: Path) -> str | None:
    """The name of the checkpoint that was the best when `directory` was saved; None without one."""
    return _name(read_state(directory)["best_model_checkpoint"])


def _name(path: str | None) -> str | None:
    return None if path is None else Path(path).name


def step_of(directory: Path) -> int:
    """The optimizer steps of a complete checkpoint."""
    return int(_read_manifest(directory)["step"])


def read_state(directory: Path) -> dict[str, Any]:
    """transformers' TrainerState in a checkpoint: log_history, max_steps and more."""
    state: dict[str, Any] = json.loads((directory / STATE).read_text(encoding="utf-8"))
    return state


def tokens_of(directory: Path) -> int:
    """Tokens trained on up to a checkpoint, from its log."""
    history = read_state(directory)["log_history"]
    return int(max((record.get("num_tokens", 0) for record in history), default=0))


def evaluations_without_improvement(state: Mapping[str, Any]) -> int:
    """The count of the early stopping callback in a checkpoint's state."""
    callback = state["stateful_callbacks"].get("EarlyStoppingCallback", {})
    return int(callback.get("attributes", {}).get("early_stopping_patience_counter", 0))


def _candidates(root: Path) -> list[tuple[int, Path]]:
    """Every checkpoint with the step of its manifest, -1 without one."""
    found = []
    for directory in root.glob(f"{PREFIX}*"):
        try:
            step = step_of(directory)
        except (OSError, ValueError, KeyError, TypeError):
            step = -1
        found.append((step, directory))
    return found


def _read_manifest(directory: Path) -> dict[str, Any]:
    manifest: dict[str, Any] = json.loads((directory / MANIFEST).read_text(encoding="utf-8"))
    return manifest
