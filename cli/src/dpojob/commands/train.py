"""`dpojob train`: inspect, plan for this machine, and train, with the cluster's own code."""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path
from typing import TextIO

from dpojob import trainer_bridge
from dpojob.console import err, print_json, show, warn
from dpojob.errors import CommandError
from dpojob.local_hardware import is_cpu, local_pool
from dpojob.trainer_logging import chatter
from dpojob.views import report_view
from dpojob.views.plan_view import refusal_view
from dpojob.views.training_view import Live, outcome_view
from dpojob.volumes import check_volumes
from dpojob_api.constants import ExitCode
from dpojob_api.plan import Plan
from dpojob_api.progress import Outcome
from dpojob_api.report import InspectionReport
from dpojob_api.spec import Budget, ClaimPath, DPOJobSpec, Hardware
from dpojob_planner import plan, recommendations

from .inspect import Request, look, request


def run(options: argparse.Namespace) -> int:
    """Runs the command; its exit status."""
    asked = request(options)
    spec, volumes = _with_output(asked, options.output)
    check_volumes(spec, volumes, output=True)
    asked = Request(asked.manifest, asked.job.model_copy(update={"spec": spec}), volumes)
    report = look(asked)
    if not report.valid:
        if options.json:
            print_json(report.wire())
        else:
            show(report_view.view(report, trainer_bridge.examples(spec, volumes, report)))
        return ExitCode.USER_ERROR
    err().print(report_view.verdict(report))
    for sentence in recommendations(spec):
        warn(sentence)
    chosen = _plan(spec, report)
    if not isinstance(chosen, Plan):
        if options.json:
            print_json(chosen)
        return ExitCode.INVALID
    if spec.validate_only:
        err().print("spec.validateOnly is true: checked and planned, nothing is trained")
        if options.json:
            print_json(chosen.wire())
        return ExitCode.OK
    with chatter(options.verbose) as libraries:
        outcome = _train(asked, report, chosen, libraries)
    if options.json:
        print_json(outcome.wire())
    else:
        show(outcome_view(outcome, asked.volumes))
    if outcome.outcome == "Interrupted":
        err().print(again(outcome), style="yellow")
    return trainer_bridge.exit_code(outcome)


def again(outcome: Outcome) -> str:
    """What the same command does after one that was interrupted."""
    if outcome.progress.checkpoint_step:
        return "The same command goes on from the checkpoint."
    return "There is no checkpoint yet; the same command starts from the beginning."


def _with_output(asked: Request, directory: Path | None) -> tuple[DPOJobSpec, dict[str, Path]]:
    spec, volumes = asked.job.spec, dict(asked.volumes)
    if spec.output.volume is not None:
        if directory is not None:
            claim = spec.output.volume.claim_name
            raise CommandError(f"--output: the job names output.volume; give --volume {claim}=DIR")
        return spec, volumes
    # As the operator does, a claim of the job's own stands in for the one that was not named.
    name = str(asked.job.metadata.get("name") or "dpojob")
    claim = f"{name}-output"
    volumes[claim] = (directory or Path(claim)).absolute()
    output = spec.output.model_copy(update={"volume": ClaimPath(claim_name=claim)})
    return spec.model_copy(update={"output": output}), volumes


def _plan(spec: DPOJobSpec, report: InspectionReport) -> Plan | dict[str, object]:
    pool = local_pool()
    # Pools, prices and their limits are the cluster's; the method is what the job says.
    here = {"hardware": Hardware(gpus=1), "budget": Budget()}
    planned = spec.model_copy(update=here)
    if is_cpu(pool) and spec.training.method == "auto":
        full = spec.training.model_copy(update={"method": "full"})
        planned = planned.model_copy(update={"training": full})
    answer = plan(planned, report, [pool])
    if not isinstance(answer, Plan):
        err().print(refusal_view(answer))
        return answer.wire()
    if is_cpu(pool):
        warn("no GPU found: training on the processor")
    what = f"{pool.spec.gpu.model}, {answer.method}, {answer.precision}"
    batch = f"{answer.per_device_batch_size} pairs at a time x {answer.gradient_accumulation}"
    err().print(f"plan: {what}, {batch}, {answer.estimate.steps:,} steps")
    return answer


def _train(asked: Request, report: InspectionReport, chosen: Plan, libraries: TextIO) -> Outcome:
    name = str(asked.job.metadata.get("name") or "dpojob")
    _make_output(asked)
    # One process trains on one GPU; TRL refuses to see more without a launcher.
    os.environ.setdefault("CUDA_VISIBLE_DEVICES", "0")
    with tempfile.TemporaryDirectory(prefix="dpojob-") as scratch, Live() as live:
        return trainer_bridge.train(
            name,
            asked.job.spec,
            report,
            chosen,
            asked.volumes,
            Path(scratch),
            live.update,
            chatter=libraries,
        )


def _make_output(asked: Request) -> None:
    volume = asked.job.spec.output.volume
    assert volume is not None  # `_with_output` saw to it
    directory = asked.volumes[volume.claim_name]
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CommandError(f"cannot write to {directory}: {error.strerror}") from error
