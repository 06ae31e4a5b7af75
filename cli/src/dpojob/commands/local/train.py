"""`dpojob train`: inspect, plan for this machine, and train, with the cluster's own code."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TextIO

from dpojob import trainer_bridge
from dpojob.console import print_document, print_result, print_warning, stderr_console
from dpojob.errors import CommandError
from dpojob.input_files.volumes import check_volumes
from dpojob.local_hardware import is_cpu_pool, local_pool
from dpojob.output_format import DocumentFormat
from dpojob.trainer_logging import configure_logging
from dpojob.views.plan_view import refusal_view
from dpojob.views.report_view import report_view, validity_line
from dpojob.views.training_view import TrainingDisplay, outcome_view
from dpojob_api.constants import ExitCode
from dpojob_api.plan import Plan, Refusal
from dpojob_api.progress import Outcome
from dpojob_api.report import InspectionReport
from dpojob_api.spec import Budget, ClaimPath, DPOJobSpec, Hardware
from dpojob_planner import plan, recommendations

from .request import JobRequest, read_request, run_inspection


def run(
    filename: str,
    volume: Sequence[str],
    form: DocumentFormat,
    output: Path | None = None,
    *,
    verbose: bool = False,
) -> int:
    """Inspects, plans and trains the job of a manifest, and prints the outcome.

    Args:
        filename: The manifest; "-" is standard input.
        volume: The values of `--volume`.
        form: Form of standard output.
        output: Where the model goes when the job names no output volume; None for ./NAME-output.
        verbose: Print the trainer's whole log.

    Returns:
        The exit status: that of the training container, 10 for an invalid dataset, 1 for no plan.

    Raises:
        CommandError: An option is wrong, or the inspection or the training cannot run.
    """
    return train_request(read_request(filename, volume), form, output, verbose=verbose)


def train_request(
    request: JobRequest, form: DocumentFormat, output: Path | None = None, *, verbose: bool = False
) -> int:
    """Inspects, plans and trains a job, and prints the outcome.

    Args:
        request: The job with its directories.
        form: Form of standard output.
        output: Where the model goes when the job names no output volume; None for ./NAME-output.
        verbose: Print the trainer's whole log.

    Returns:
        The exit status: that of the training container, 10 for an invalid dataset, 1 for no plan.

    Raises:
        CommandError: An option is wrong, or the inspection or the training cannot run.
    """
    spec, volumes = _resolve_output(request, output)
    check_volumes(spec, volumes, output=True)
    request = JobRequest(request.manifest, replace(request.job, spec=spec), volumes)
    report = run_inspection(request)
    if not report.valid:
        if form is not DocumentFormat.TABLE:
            print_document(report.wire(), form)
        else:
            rows = trainer_bridge.read_example_rows(spec, volumes, report)
            print_result(report_view(report, rows))
        return ExitCode.USER_ERROR
    stderr_console().print(validity_line(report))
    for recommendation in recommendations(spec):
        print_warning(recommendation)
    planned = _plan(spec, report)
    if not isinstance(planned, Plan):
        if form is not DocumentFormat.TABLE:
            print_document(planned.wire(), form)
        return ExitCode.INVALID
    if spec.validate_only:
        stderr_console().print("spec.validateOnly is true: checked and planned, nothing is trained")
        if form is not DocumentFormat.TABLE:
            print_document(planned.wire(), form)
        return ExitCode.OK
    with configure_logging(verbose) as library_output:
        outcome = _train(request, report, planned, library_output)
    if form is not DocumentFormat.TABLE:
        print_document(outcome.wire(), form)
    else:
        print_result(outcome_view(outcome, request.volumes))
    if outcome.outcome == "Interrupted":
        stderr_console().print(resume_hint(outcome), style="yellow")
    return trainer_bridge.training_exit_code(outcome)


def resume_hint(outcome: Outcome) -> str:
    """Explains where the same command continues after an interrupted training.

    Args:
        outcome: The interrupted training's outcome.

    Returns:
        One sentence.
    """
    if outcome.progress.checkpoint_step:
        return "The same command goes on from the checkpoint."
    return "There is no checkpoint yet; the same command starts from the beginning."


def _resolve_output(
    request: JobRequest, directory: Path | None
) -> tuple[DPOJobSpec, dict[str, Path]]:
    """The spec with an output volume, and the directories with one for that volume's claim."""
    spec, volumes = request.job.spec, dict(request.volumes)
    if spec.output.volume is not None:
        if directory is not None:
            claim = spec.output.volume.claim_name
            raise CommandError(f"--output: the job names output.volume; give --volume {claim}=DIR")
        return spec, volumes
    # The operator too creates a claim of this name for a job that names no output volume.
    claim = f"{_job_name(request)}-output"
    volumes[claim] = (directory or Path(claim)).absolute()
    output = spec.output.model_copy(update={"volume": ClaimPath(claim_name=claim)})
    return spec.model_copy(update={"output": output}), volumes


def _job_name(request: JobRequest) -> str:
    return str(request.job.metadata.get("name") or "dpojob")


def _plan(spec: DPOJobSpec, report: InspectionReport) -> Plan | Refusal:
    """Plans for this machine, and prints the plan or the refusal on standard error."""
    pool = local_pool()
    # The spec's hardware and budget are about the cluster's pools and prices, not this machine.
    local = spec.model_copy(update={"hardware": Hardware(gpus=1), "budget": Budget()})
    if is_cpu_pool(pool) and spec.training.method == "auto":
        full = spec.training.model_copy(update={"method": "full"})
        local = local.model_copy(update={"training": full})
    result = plan(local, report, [pool])
    if not isinstance(result, Plan):
        stderr_console().print(refusal_view(result))
        return result
    if is_cpu_pool(pool):
        print_warning("no GPU found: training on the processor")
    method = f"{pool.spec.gpu.model}, {result.method}, {result.precision}"
    batch = f"{result.per_device_batch_size} pairs at a time x {result.gradient_accumulation}"
    stderr_console().print(f"plan: {method}, {batch}, {result.estimate.steps:,} steps")
    return result


def _train(
    request: JobRequest, report: InspectionReport, planned: Plan, library_output: TextIO
) -> Outcome:
    _make_output_directory(request)
    # One process trains on one GPU; TRL refuses to see more without a launcher.
    os.environ.setdefault("CUDA_VISIBLE_DEVICES", "0")
    with tempfile.TemporaryDirectory(prefix="dpojob-") as scratch, TrainingDisplay() as display:
        return trainer_bridge.train(
            _job_name(request),
            request.job.spec,
            report,
            planned,
            request.volumes,
            Path(scratch),
            display.update,
            library_output=library_output,
        )


def _make_output_directory(request: JobRequest) -> None:
    volume = request.job.spec.output.volume
    assert volume is not None  # _resolve_output set it.
    directory = request.volumes[volume.claim_name]
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CommandError(f"cannot write to {directory}: {error.strerror}") from error
