"""The output directory: the model is staged in it, moved into place, and identified by its lineage."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from dpojob_api import constants
from dpojob_api.conditions import Reason
from dpojob_api.progress import Outcome
from dpojob_trainer.shared.output_check import (
    FILES_BESIDE_MODEL,
    LINEAGE,
    MODEL,
    find_conflict,
    lineage,
)
from dpojob_trainer.training.setup.errors import TrainingError
from dpojob_trainer.training.setup.train_job import TrainJob

STAGING = ".staging"
READABLE, ENTERABLE = 0o444, 0o555


def read_lineage(directory: Path) -> Mapping[str, Any] | None:
    """The lineage of the finished model in `directory`; None where there is none."""
    if not any((directory / name).is_file() for name in MODEL):
        return None
    return lineage(directory)


def is_complete(job: TrainJob) -> bool:
    """Whether this job's model is finished."""
    return (read_lineage(job.output) or {}).get("key") == job.key


def prepare(job: TrainJob) -> Outcome | None:
    """Create the directory and remove an unfinished publication of this job.

    Returns the recorded outcome where this job's model is already finished there. Raises TrainingError
    where the directory holds anything that the model's files would replace.
    """
    directory = job.output
    problem = conflict(job)
    if problem is not None:
        raise TrainingError(Reason.OUTPUT_OCCUPIED, f"the directory of output.volume {problem}")
    directory.mkdir(parents=True, exist_ok=True)
    finished = read_lineage(directory)
    if finished is not None:
        if finished["asked"] != _requested_kind(job):
            raise _other_kind(finished["asked"])
        return Outcome.model_validate(finished["outcome"])
    _clear_unfinished(directory)
    return None


def conflict(job: TrainJob) -> str | None:
    """Why the model must not be written to the directory, as a clause after its name; None where it may."""
    return find_conflict(
        job.output, job.spec, job.volumes, lambda lineage: lineage.get("key") == job.key
    )


def _requested_kind(job: TrainJob) -> str:
    """What the spec asks to keep of the training, which does not change what is trained."""
    return "model" if job.spec.output.merge or job.plan.method == "full" else "adapter"


def _other_kind(kept: str) -> TrainingError:
    requested, merge = (
        ("the adapter alone", "true") if kept == "model" else ("the merged model", "false")
    )
    return TrainingError(
        Reason.OUTPUT_OCCUPIED,
        f"output.merge asks for {requested}, and this job has finished with output.merge: {merge} in the "
        "directory of output.volume; name another output.volume.path, or set output.merge as it was",
    )


def _clear_unfinished(directory: Path) -> None:
    """Remove the files that an interrupted publication had already moved into place."""
    shutil.rmtree(directory / STAGING, ignore_errors=True)
    for name in {LINEAGE} | {Path(file).parts[0] for file in lineage(directory).get("files", [])}:
        path = directory / name
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def make_staging(directory: Path) -> Path:
    """An empty directory on the same file system as the final one."""
    path = directory / STAGING
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir(parents=True)
    return path


def publish(directory: Path) -> None:
    """Move everything from staging into place by renames, the model's config last.

    The lineage is first, so that the files after it are known to be the trainer's. Raises TrainingError
    where a file would replace one that is not the trainer's.
    """
    source = directory / STAGING
    for path in source.rglob("*"):
        # Weights are written with access for their owner only; another user may serve the model.
        path.chmod(path.stat().st_mode | (READABLE if path.is_file() else ENTERABLE))
        if path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())
    entries = sorted(
        source.iterdir(), key=lambda path: (path.name in MODEL, path.name != LINEAGE, path.name)
    )
    conflicts = [
        e.name
        for e in entries
        if (directory / e.name).exists() and e.name not in FILES_BESIDE_MODEL
    ]
    if conflicts:
        raise TrainingError(
            Reason.OUTPUT_OCCUPIED,
            f"{', '.join(conflicts)} in the directory of output.volume came there during the training and "
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


def model_files(directory: Path) -> list[Path]:
    """The finished model's files, its config last; no other files of the directory."""
    files = [directory / name for name in lineage(directory)["files"]]
    return sorted(files, key=lambda path: (path.name in MODEL, str(path)))


def write_lineage(directory: Path, job: TrainJob, outcome: Outcome) -> None:
    """Write the lineage of the complete model in `directory`, which holds nothing else."""
    files = [str(path.relative_to(directory)) for path in directory.rglob("*") if path.is_file()]
    _write_lineage(
        directory,
        {
            "job": f"{job.namespace}/{job.name}",
            "uid": job.uid,
            "key": job.key,
            "image": job.image,
            "asked": _requested_kind(job),
            "files": sorted(files),
            "uploaded": {},
            "outcome": outcome.wire(),
        },
    )


def uploads(directory: Path) -> Mapping[str, Any]:
    """Where the finished model was uploaded to, by the field of spec.output."""
    targets: Mapping[str, Any] = lineage(directory)["uploaded"]
    return targets


def record_uploads(directory: Path, targets: Mapping[str, Any], outcome: Outcome) -> None:
    """Record where the finished model was uploaded to in its lineage. Raises OSError, and then leaves it as it was."""
    _write_lineage(
        directory,
        {**lineage(directory), "uploaded": dict(targets), "outcome": outcome.wire()},
    )


def record_outcome(directory: Path, outcome: Outcome, files: Sequence[str]) -> None:
    """Replace the outcome in the finished model's lineage, which then lists these files too."""
    recorded = lineage(directory)
    listed = sorted({*recorded["files"], *files})
    _write_lineage(directory, {**recorded, "files": listed, "outcome": outcome.wire()})


def replace_text(path: Path, text: str) -> None:
    """Write a text file atomically; one that it replaces keeps its mode. Raises OSError, and then leaves no part of it."""
    part = path.with_name(f".{path.name}.part")
    try:
        part.write_text(text, encoding="utf-8")
        if path.exists():
            part.chmod(path.stat().st_mode)
        part.replace(path)
    except OSError:
        part.unlink(missing_ok=True)
        raise


def _write_lineage(directory: Path, content: Mapping[str, Any]) -> None:
    replace_text(directory / LINEAGE, json.dumps(content, indent=1))


def weights_hash(directory: Path) -> str:
    """The sha256 over the bytes of the weight files, in order of their names."""
    digest = hashlib.sha256()
    for path in sorted(directory.glob("*.safetensors")):
        with path.open("rb") as file:
            while chunk := file.read(8 << 20):
                digest.update(chunk)
    return digest.hexdigest()
