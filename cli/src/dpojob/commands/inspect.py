"""`dpojob inspect`: the inspection that the cluster runs, on this machine."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

from dpojob import trainer_bridge
from dpojob.console import err, print_json, show
from dpojob.errors import CommandError
from dpojob.views.progress_bar import bar
from dpojob.views.report_view import view
from dpojob.volumes import check_volumes, parse_volumes
from dpojob.yaml_loader import read_manifest
from dpojob_api.constants import API_VERSION, ExitCode
from dpojob_api.job import DPOJob
from dpojob_api.manifest import Manifest
from dpojob_api.report import InspectionReport


@dataclass(frozen=True)
class Request:
    """What a command was asked to work on."""

    manifest: Manifest
    job: DPOJob
    volumes: dict[str, Path]


def request(options: argparse.Namespace) -> Request:
    """The manifest and the directories of a command line. Raises CommandError."""
    manifest = read_manifest(options.filename)
    if manifest.job is None:
        name = "standard input" if options.filename == "-" else options.filename
        raise CommandError(
            f"{name} holds no DPOJob; one begins with apiVersion: {API_VERSION}, kind: DPOJob"
        )
    return Request(manifest, manifest.job, parse_volumes(options.volume))


def look(asked: Request) -> InspectionReport:
    """Inspects, with a progress bar on standard error. Raises CommandError when it cannot look."""
    if asked.job.spec.model.from_job is not None:
        name = asked.job.spec.model.from_job.name
        raise CommandError(
            f"spec.model.fromJob: {name!r} is a job on a cluster; to run here, name what it wrote: "
            "model: {volume: {claimName: ..., path: ...}} with --volume, or model: {repo: ...}"
        )
    with bar("inspecting", unit="rows") as progress:
        return trainer_bridge.inspect(asked.job.spec, asked.volumes, progress)


def run(options: argparse.Namespace) -> int:
    """Runs the command; its exit status."""
    asked = request(options)
    check_volumes(asked.job.spec, asked.volumes, output=False)
    report = look(asked)
    if options.json:
        print_json(report.wire())
    else:
        show(view(report, trainer_bridge.examples(asked.job.spec, asked.volumes, report)))
        if not report.valid:
            err().print("Correct the dataset, or the job, and inspect again.", style="dim")
    return ExitCode.OK if report.valid else ExitCode.INVALID
