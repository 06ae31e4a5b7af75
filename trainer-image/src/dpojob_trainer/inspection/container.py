"""The inspection container: the job from the environment, the report to the termination message."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path

from dpojob_api.constants import FILE_INSPECTION, ExitCode
from dpojob_api.report import InspectionReport
from dpojob_api.spec import DPOJobSpec
from dpojob_trainer.shared.container_environment import ContainerEnvironment
from dpojob_trainer.shared.errors import InspectionError
from dpojob_trainer.shared.termination_message import write_termination_message

from .pipeline import inspect
from .report.report_truncation import summary


def inspect_container(environment: ContainerEnvironment) -> int:
    """Inspect the job that the environment describes.

    The whole report goes to the output volume, if there is one, and to standard output.

    Args:
        environment: The container's variables.

    Returns:
        The exit status, an `ExitCode`.
    """
    spec, volumes = environment.spec, environment.volumes
    try:
        report = inspect(spec, volumes, token=environment.hub_token, uid=environment.uid)
        status = ExitCode.OK if report.valid else ExitCode.INVALID
        _write_report(spec, volumes, report)
    except InspectionError as error:
        report = error.report()
        status = ExitCode.UNREADABLE_INPUT
    write_termination_message(summary(report), environment.termination_log)
    print(report.wire_json())
    return status


def _write_report(spec: DPOJobSpec, volumes: Mapping[str, Path], report: InspectionReport) -> None:
    """Write the report to the output volume.

    Where inspection failed this is not called: the directory may be another job's.
    """
    place = spec.output.volume
    if place is None or place.claim_name not in volumes:
        return
    directory = volumes[place.claim_name] / place.path
    try:
        directory.mkdir(parents=True, exist_ok=True)
        (directory / FILE_INSPECTION).write_text(report.wire_json(), encoding="utf-8")
    except OSError as error:
        logging.warning("the full report cannot be written to the output volume: %s", error)
