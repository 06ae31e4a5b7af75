"""The containers' command: `python -m dpojob_trainer inspect | train`.

The environment says what to do (`shared.container_environment`), the result goes to the termination
message, and the exit status is one of `dpojob_api.constants.ExitCode`. Each stage is imported only
when it is requested, since the inspection image has no torch.
"""

from __future__ import annotations

import logging
import signal
import sys
from pathlib import Path

from dpojob_api.constants import FILE_INSPECTION, FILE_INSPECTION_PAGE, ExitCode
from dpojob_api.report import InspectionReport

from .shared.container_environment import ENV_OPENBLAS_THREADS, ContainerEnvironment
from .shared.termination_message import write_termination_message


def main(arguments: list[str]) -> int:
    """Run one stage and return its exit status."""
    logging.basicConfig(
        level=logging.INFO,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
        stream=sys.stderr,
    )
    environment = ContainerEnvironment()
    if arguments == ["inspect"]:
        return _inspect(environment)
    if arguments == ["train"]:
        # The kernel drops a signal that the first process of a container has no handler for, and the
        # kubelet would then kill it.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(ExitCode.INTERRUPTED))
        from .training.launch import discard_output_at_exit
        from .training.launch.container import train_container

        discard_output_at_exit()
        return train_container(environment)
    print("usage: python -m dpojob_trainer inspect | train", file=sys.stderr)
    return ExitCode.UNREADABLE_INPUT


def _inspect(environment: ContainerEnvironment) -> int:
    """Inspect the job that the environment describes and return the exit status.

    The whole report goes to the output volume, if there is one, also as a page, and to standard output.
    """
    # With numpy, OpenBLAS would start a thread for each processor of the node, which spins while it waits.
    environment.set_defaults({ENV_OPENBLAS_THREADS: "1"})
    from .inspection import InspectionError, inspect, summary

    spec, volumes = environment.spec, environment.volumes
    try:
        report = inspect(spec, volumes, token=environment.hub_token, uid=environment.uid)
        status = ExitCode.OK if report.valid else ExitCode.INVALID
        _write_report(environment, report)
    except InspectionError as error:
        report = error.report()
        status = ExitCode.UNREADABLE_INPUT
    write_termination_message(summary(report), environment.termination_log)
    print(report.wire_json())
    return status


def _write_report(environment: ContainerEnvironment, report: InspectionReport) -> None:
    """Write the report to the output volume, and note in it where the page is.

    Where inspection failed this is not called: the directory may be another job's.
    """
    from .inspection import render_page, report_rows

    output, volumes = environment.spec.output.volume, environment.volumes
    if output is None or output.claim_name not in volumes:
        return
    directory = volumes[output.claim_name] / output.path
    try:
        directory.mkdir(parents=True, exist_ok=True)
        rows = report_rows(environment.spec, volumes, report, environment.hub_token)
        (directory / FILE_INSPECTION_PAGE).write_text(render_page(report, rows), encoding="utf-8")
        report.page = str(Path(output.path) / FILE_INSPECTION_PAGE)
    except Exception as error:  # The page is for people; the report stands without it.
        logging.warning("the page of the report cannot be written: %s", error)
    try:
        (directory / FILE_INSPECTION).write_text(report.wire_json(), encoding="utf-8")
    except OSError as error:
        logging.warning("the full report cannot be written to the output volume: %s", error)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
