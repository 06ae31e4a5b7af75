"""The output directory: prepared aside, moved in whole, and known again by its lineage."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dpojob_api import constants
from dpojob_api.conditions import Reason
from dpojob_api.progress import Outcome
from dpojob_trainer.shared.output_check import LINEAGE, MODEL, lineage, objection
from dpojob_trainer.training.setup.errors import Failure
from dpojob_trainer.training.setup.train_job import TrainJob

STAGING = ".staging"
OURS = (LINEAGE, constants.FILE_INSPECTION)
"""What may lie in the directory before the model does: the command and inspection wrote it."""

READABLE, ENTERABLE = 0o444, 0o555


def recorded(directory: Path) -> Mapping[str, Any] | None:
    """The lineage of the finished model in `directory`; None where there is no finished model."""
    if not any((directory / name).is_file() for name in MODEL):
        return None
    return lineage(directory)


def complete(job: TrainJob) -> bool:
    """Whether this very job's model is finished."""
    return (recorded(job.output) or {}).get("key") == job.key


def claim(job: TrainJob) -> Outcome | None:
    """Make the directory ready. Gives the outcome when this very job's model is finished there.

    Raises Failure where something else is in the way.
    """
    directory = job.output
    said = objection(directory, job.spec, job.volumes, lambda told: told.get("key") == job.key)
    if said is not None:
        raise Failure(Reason.OUTPUT_OCCUPIED, f"the directory of output.volume {said}")
    directory.mkdir(parents=True, exist_ok=True)
    told = recorded(directory)
    if told is not None:
        if told["asked"] != _asked(job):
            raise _other_kind(told["asked"])
        return Outcome.model_validate(told["outcome"])
    _clear_unfinished(directory)
    return None


def _asked(job: TrainJob) -> str:
    """What is to be kept of the training; what is trained does not depend on it."""
    return "model" if job.spec.output.merge or job.plan.method == "full" else "adapter"


def _other_kind(asked: str) -> Failure:
    wanted, merge = (
        ("the adapter alone", "true") if asked == "model" else ("the merged model", "false")
    )
    return Failure(
        Reason.OUTPUT_OCCUPIED,
        f"output.merge asks for {wanted}, and this job has finished with output.merge: {merge} in the "
        "directory of output.volume; name another output.volume.path, or set output.merge as it was",
    )


def _clear_unfinished(directory: Path) -> None:
    """Remove what a publication that was cut short had moved in already."""
    shutil.rmtree(directory / STAGING, ignore_errors=True)
    for name in {LINEAGE} | {Path(file).parts[0] for file in lineage(directory).get("files", [])}:
        path = directory / name
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def staging(directory: Path) -> Path:
    """An empty directory beside the final place, on the same file system."""
    path = directory / STAGING
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir(parents=True)
    return path


def publish(directory: Path) -> None:
    """Move everything from staging in, by renames, the file that makes it loadable last.

    The lineage goes first, so that what follows is known to be the trainer's. Raises Failure rather
    than replace anything else.
    """
    source = directory / STAGING
    for path in source.rglob("*"):
        # Weights are written for their owner alone; who serves the model is another user.
        path.chmod(path.stat().st_mode | (READABLE if path.is_file() else ENTERABLE))
        if path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())
    entries = sorted(
        source.iterdir(), key=lambda path: (path.name in MODEL, path.name != LINEAGE, path.name)
    )
    taken = [e.name for e in entries if (directory / e.name).exists() and e.name not in OURS]
    if taken:
        raise Failure(
            Reason.OUTPUT_OCCUPIED,
            f"{', '.join(taken)} in the directory of output.volume came there during the training and "
            "would be replaced; move them away, and the next attempt puts the model in place",
        )
    for entry in entries:
        entry.replace(directory / entry.name)
    source.rmdir()
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
    shutil.rmtree(directory / constants.CHECKPOINT_DIRECTORY, ignore_errors=True)


def published(directory: Path) -> list[Path]:
    """The finished model's files, what makes it loadable last; nothing else that lies there."""
    files = [directory / name for name in lineage(directory)["files"]]
    return sorted(files, key=lambda path: (path.name in MODEL, str(path)))


def record(directory: Path, job: TrainJob, outcome: Outcome) -> None:
    """Write the lineage of the model that lies whole in `directory`, alone."""
    files = [str(path.relative_to(directory)) for path in directory.rglob("*") if path.is_file()]
    _write(
        directory,
        {
            "job": f"{job.namespace}/{job.name}",
            "uid": job.uid,
            "key": job.key,
            "image": job.image,
            "asked": _asked(job),
            "files": sorted(files),
            "uploaded": {},
            "outcome": outcome.wire(),
        },
    )


def uploaded(directory: Path) -> Mapping[str, Any]:
    """Where the finished model was uploaded to, as the spec names the places."""
    places: Mapping[str, Any] = lineage(directory)["uploaded"]
    return places


def record_upload(directory: Path, place: Mapping[str, Any], outcome: Outcome) -> None:
    """Add a place to where the finished model was uploaded to."""
    told = lineage(directory)
    places = {**told["uploaded"], **place}
    _write(directory, {**told, "uploaded": places, "outcome": outcome.wire()})


def _write(directory: Path, told: Mapping[str, Any]) -> None:
    """Whole or not at all."""
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
