"""The output directory: prepared aside, moved in whole, and known again by its lineage."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from pathlib import Path
from typing import Any

from dpojob_api import names
from dpojob_api.conditions import Reason
from dpojob_api.progress import Outcome

from .failure import Failure
from .job import TrainJob

STAGING = ".staging"
LINEAGE = "lineage.json"
"""Whose model the directory holds, and from what it came."""
LAST = ("config.json", "adapter_config.json")
"""Moved in last: without it, nothing can load the directory as a model."""

READABLE, ENTERABLE = 0o444, 0o555


def recorded(directory: Path) -> dict[str, Any] | None:
    """The lineage of the finished model in `directory`; None where there is no finished model."""
    if not any((directory / name).is_file() for name in LAST):
        return None
    try:
        told = json.loads((directory / LINEAGE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return told if isinstance(told, dict) else {}


def complete(job: TrainJob) -> bool:
    """Whether this very job's model is finished."""
    return (recorded(job.output) or {}).get("key") == job.key


def claim(directory: Path, key: str) -> dict[str, Any] | None:
    """Make `directory` ready. Gives the lineage when this very job's model is finished there.

    Raises Failure where another job's model is.
    """
    directory.mkdir(parents=True, exist_ok=True)
    lineage = recorded(directory)
    if lineage is not None and lineage.get("key") != key:
        owner = lineage.get("job", "something else")
        raise Failure(
            Reason.OUTPUT_OCCUPIED,
            f"output.volume.path already holds a model of {owner}; name an empty directory",
        )
    if lineage is None:
        shutil.rmtree(directory / STAGING, ignore_errors=True)
    return lineage


def staging(directory: Path) -> Path:
    """An empty directory beside the final place, on the same file system."""
    path = directory / STAGING
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir(parents=True)
    return path


def publish(directory: Path) -> None:
    """Move everything from staging in, by renames, the file that makes it loadable last."""
    source = directory / STAGING
    for path in source.rglob("*"):
        # Weights are written for their owner alone; who serves the model is another user.
        path.chmod(path.stat().st_mode | (READABLE if path.is_file() else ENTERABLE))
        if path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())
    entries = sorted(source.iterdir(), key=lambda path: (path.name in LAST, path.name))
    for entry in entries:
        target = directory / entry.name
        if target.is_dir() and not target.is_symlink():
            shutil.rmtree(target)
        entry.replace(target)
    source.rmdir()
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
    shutil.rmtree(directory / names.CHECKPOINT_DIRECTORY, ignore_errors=True)


def record(directory: Path, job: TrainJob, outcome: Outcome) -> None:
    """Write, whole or not at all, whose model `directory` holds and how its run ended."""
    told = {
        "job": f"{job.namespace}/{job.name}",
        "uid": job.uid,
        "key": job.key,
        "image": job.image,
        "outcome": outcome.wire(),
    }
    part = directory / f"{LINEAGE}.part"
    part.write_text(json.dumps(told, indent=1), encoding="utf-8")
    part.rename(directory / LINEAGE)


def weights_hash(directory: Path) -> str:
    """sha256 over the weight files' bytes, in order of name."""
    digest = hashlib.sha256()
    for path in sorted(directory.glob("*.safetensors")):
        with path.open("rb") as file:
            while chunk := file.read(8 << 20):
                digest.update(chunk)
    return digest.hexdigest()
