"""The job and the directories that `inspect`, `plan` and `train` work on, and its inspection."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dpojob import trainer_bridge
from dpojob.errors import CommandError
from dpojob.input_files.volumes import parse_volumes
from dpojob.input_files.yaml_loader import read_manifest
from dpojob.views.progress_bar import progress_bar
from dpojob_api.constants import API_VERSION
from dpojob_api.manifest import JobManifest, Manifest
from dpojob_api.report import InspectionReport


@dataclass(frozen=True)
class JobRequest:
    """A job from a manifest file, and the directories given for its claims."""

    manifest: Manifest
    job: JobManifest
    volumes: dict[str, Path]


def read_request(filename: str, volume: Sequence[str]) -> JobRequest:
    """Reads the manifest and the directories that a command line names.

    Args:
        filename: The manifest; "-" is standard input.
        volume: The values of `--volume`, such as ["data=./pairs"].

    Returns:
        The job with its directories.

    Raises:
        CommandError: The manifest is invalid or holds no DPOJob, or a `--volume` is malformed.
    """
    manifest = read_manifest(filename)
    if manifest.job is None:
        name = "standard input" if filename == "-" else filename
        raise CommandError(
            f"{name} holds no DPOJob; one begins with apiVersion: {API_VERSION}, kind: DPOJob"
        )
    return JobRequest(manifest, manifest.job, parse_volumes(volume))


def run_inspection(request: JobRequest) -> InspectionReport:
    """Inspects the job's dataset and model, with a progress bar on standard error.

    Args:
        request: The job with its directories.

    Returns:
        The report, valid or not.

    Raises:
        CommandError: The inspection cannot run, or the model is another job on a cluster.
    """
    if request.job.spec.model.from_job is not None:
        name = request.job.spec.model.from_job.name
        raise CommandError(
            f"spec.model.fromJob: {name!r} is a job on a cluster; to run here, name what it wrote: "
            "model: {volume: {claimName: ..., path: ...}} with --volume, or model: {repo: ...}"
        )
    with progress_bar("inspecting", unit="rows") as on_progress:
        return trainer_bridge.inspect(request.job.spec, request.volumes, on_progress)
