"""Checkpoints: which are whole, whose they are, and which one to go on from.

The trainer writes a checkpoint file by file. It counts only once a seal lies in it: the digest of
every file, written last. What was cut short, damaged or belongs to another job has no fitting seal
and is passed over.
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

import xxhash

log = logging.getLogger(__name__)
SEAL = "dpojob-seal.json"
"""Holds the job's key, the step, and the size and digest of every other file of the checkpoint."""
PREFIX = "checkpoint-"
STATE = "trainer_state.json"
"""Written by transformers: the curves so far, and where the run was."""
KEPT = 2
"""Of the newest ones, at the least: the second is there in case the first is damaged."""
CHUNK = 8 << 20


def seal(directory: Path, key: str, step: int) -> None:
    """Declare the checkpoint whole."""
    files = {
        str(path.relative_to(directory)): [path.stat().st_size, _digest(path)]
        for path in sorted(directory.rglob("*"))
        if path.is_file() and path.name != SEAL
    }
    part = directory / f"{SEAL}.part"
    with part.open("w", encoding="utf-8") as out:
        json.dump({"key": key, "step": step, "files": files}, out)
        out.flush()
        os.fsync(out.fileno())
    part.rename(directory / SEAL)


def flaw(directory: Path, key: str) -> str | None:
    """Why the checkpoint cannot be used; None when it can."""
    try:
        told = json.loads((directory / SEAL).read_text(encoding="utf-8"))
        files: dict[str, tuple[int, str]] = told["files"]
    except (OSError, ValueError, KeyError):
        return "it was not finished"
    if told.get("key") != key:
        return "it belongs to another job or to other settings"
    for name, (size, digest) in files.items():
        path = directory / name
        if not path.is_file():
            return f"{name} is missing"
        if path.stat().st_size != size:
            return f"{name} has {path.stat().st_size} bytes instead of {size}"
        if _digest(path) != digest:
            return f"{name} is damaged"
    return None


def newest(root: Path, key: str) -> Path | None:
    """The whole checkpoint of the highest step that its own state tells."""
    for _, directory in sorted(_candidates(root), reverse=True):
        reason = flaw(directory, key)
        if reason is None:
            return directory
        log.warning("checkpoint %s is passed over: %s", directory.name, reason)
    return None


def furthest(root: Path) -> int:
    """The highest step any seal tells, -1 without one. Nothing is read but the seals."""
    return max((step for step, _ in _candidates(root)), default=-1)


def glimpse(root: Path, key: str) -> tuple[int, int]:
    """The step of the furthest checkpoint of this training, and the steps in all; not yet verified.

    Zeros where there is none. It tells people at once where a new attempt is about to go on.
    """
    for step, directory in sorted(_candidates(root), reverse=True):
        with contextlib.suppress(OSError, ValueError, KeyError):
            if json.loads((directory / SEAL).read_text(encoding="utf-8"))["key"] == key:
                return step, int(state_of(directory)["max_steps"])
    return 0, 0


def rotate(root: Path, newest: int, best: str | None) -> None:
    """Remove all sealed checkpoints but the `newest` ones, the `best`, and the best each of those tells of.

    A run that goes on from any of them so finds the best as it was then.
    """
    whole = [path for step, path in sorted(_candidates(root), reverse=True) if step >= 0]
    needed = {path.name for path in whole[:newest]} | {best_of(path) for path in whole[:newest]}
    needed.add(_name(best))
    for directory in whole:
        if directory.name not in needed:
            shutil.rmtree(directory, ignore_errors=True)


def clear_unusable(root: Path, key: str) -> None:
    """Remove checkpoints that cannot be used, so that they take no room and no library finds them."""
    for directory in root.glob(f"{PREFIX}*"):
        if directory.is_dir() and flaw(directory, key) is not None:
            shutil.rmtree(directory, ignore_errors=True)


def at(root: Path, step: int) -> Path | None:
    """The sealed checkpoint of a step; None where there is none."""
    return next((path for found, path in _candidates(root) if found == step), None)


def best_of(directory: Path) -> str | None:
    """The name of the checkpoint whose weights were the best, as another one tells; None without."""
    return _name(state_of(directory)["best_model_checkpoint"])


def _name(path: str | None) -> str | None:
    return None if path is None else Path(path).name


def step_of(directory: Path) -> int:
    """The optimizer steps done in a sealed checkpoint."""
    return int(json.loads((directory / SEAL).read_text(encoding="utf-8"))["step"])


def state_of(directory: Path) -> dict[str, Any]:
    """What transformers wrote of the run up to a checkpoint: log_history, max_steps and more."""
    told: dict[str, Any] = json.loads((directory / STATE).read_text(encoding="utf-8"))
    return told


def tokens_of(directory: Path) -> int:
    """Tokens trained on up to a checkpoint, as its own log says."""
    history = state_of(directory)["log_history"]
    return int(max((record.get("num_tokens", 0) for record in history), default=0))


def idle_evaluations(state: Mapping[str, Any]) -> int:
    """How many evaluations in a row had not improved, up to a checkpoint of that state."""
    told = state["stateful_callbacks"].get("EarlyStoppingCallback", {})
    return int(told.get("attributes", {}).get("early_stopping_patience_counter", 0))


def _candidates(root: Path) -> list[tuple[int, Path]]:
    """Sealed or not, with the step of the seal, else -1."""
    found = []
    for directory in root.glob(f"{PREFIX}*"):
        try:
            step = step_of(directory)
        except (OSError, ValueError, KeyError, TypeError):
            step = -1
        found.append((step, directory))
    return found


def _digest(path: Path) -> str:
    """xxh3: it notices damage as well as a cryptographic digest and reads as fast as the disk."""
    digest = xxhash.xxh3_128()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
