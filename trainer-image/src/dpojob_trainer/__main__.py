"""The containers' command: `python -m dpojob_trainer inspect | train`.

Everything comes from the environment (`dpojob_api.constants`); the last word goes to the termination
log, and the exit status is one of `dpojob_api.constants.ExitCode`. Imports are inside, since the
inspection image has no torch.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path

from dpojob_api import constants
from dpojob_api.report import InspectionReport
from dpojob_api.spec import DPOJobSpec

ENV_TERMINATION_LOG = "DPOJOB_TERMINATION_LOG"
"""Where the last word goes; for tests and for running without a kubelet."""
TERMINATION_LOG = "/dev/termination-log"


def main(arguments: list[str]) -> int:
    """Run one stage; gives the exit status."""
    logging.basicConfig(
        level=logging.INFO,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
        stream=sys.stderr,
    )
    if arguments == ["inspect"]:
        return inspect_container(os.environ)
    if arguments == ["train"]:
        # The first process of a container ignores a signal it does not handle, and would be killed.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(constants.ExitCode.INTERRUPTED))
        from .training.launch.container import train_container

        return train_container(os.environ)
    print("usage: python -m dpojob_trainer inspect | train", file=sys.stderr)
    return constants.ExitCode.UNREADABLE_INPUT


def inspect_container(environ: Mapping[str, str]) -> int:
    """Inspect what the environment says; the report in full goes to the output volume, if any."""
    from .inspection import InspectionError, inspect, summary

    manifest = json.loads(environ[constants.ENV_MANIFEST])
    spec = DPOJobSpec.model_validate(manifest["spec"])
    volumes = {
        claim: Path(directory)
        for claim, directory in json.loads(environ.get(constants.ENV_VOLUMES, "{}")).items()
    }
    uid = manifest["metadata"].get("uid")
    token = environ.get(constants.ENV_HUB_TOKEN) or None
    try:
        report = inspect(spec, volumes, token=token, uid=uid)
        status = constants.ExitCode.OK if report.valid else constants.ExitCode.INVALID
        _keep(spec, volumes, report)
    except InspectionError as error:
        report = InspectionReport(valid=False, reason=error.reason, error=error.message)
        status = constants.ExitCode.UNREADABLE_INPUT
    last_word(json.dumps(summary(report), ensure_ascii=False, separators=(",", ":")))
    print(report.wire_json())
    return status


def _keep(spec: DPOJobSpec, volumes: Mapping[str, Path], report: InspectionReport) -> None:
    """The report in full, on the output volume. What could not be looked at leaves it untouched: the
    directory may be another job's."""
    place = spec.output.volume
    if place is None or place.claim_name not in volumes:
        return
    directory = volumes[place.claim_name] / place.path
    try:
        directory.mkdir(parents=True, exist_ok=True)
        (directory / constants.FILE_INSPECTION).write_text(report.wire_json(), encoding="utf-8")
    except OSError as error:
        logging.warning("the full report cannot be written to the output volume: %s", error)


def last_word(text: str) -> None:
    """Write the termination message where the kubelet reads it; where there is none, nowhere."""
    path = Path(os.environ.get(ENV_TERMINATION_LOG, TERMINATION_LOG))
    if path.exists() or os.access(path.parent, os.W_OK):
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
