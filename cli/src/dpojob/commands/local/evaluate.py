"""`dpojob evaluate`: compare a tuned model with the job's model, with the cluster's own code."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

from dpojob import trainer_bridge
from dpojob.console import print_document, print_result
from dpojob.errors import CommandError
from dpojob.input_files.volumes import check_volumes
from dpojob.output_format import DocumentFormat
from dpojob.trainer_logging import configure_logging
from dpojob.views.evaluation_view import evaluation_view
from dpojob_api.conditions import Reason
from dpojob_api.evaluation import Evaluation
from dpojob_api.plan import Estimate, MemoryNeed, Plan
from dpojob_api.spec import ClaimPath

from .request import JobRequest, read_request, run_inspection

TUNED_CLAIM = "tuned-model"
"""Stands for the directory of --tuned."""
MODEL_CONFIGS = ("config.json", "adapter_config.json")


def run(
    filename: str,
    volume: Sequence[str],
    form: DocumentFormat,
    tuned: Path | None = None,
    *,
    verbose: bool = False,
) -> int:
    """Evaluates the tuned model of a manifest's job, and prints the verdict and the figures.

    Args:
        filename: The manifest; "-" is standard input.
        volume: The values of `--volume`.
        form: Form of standard output.
        tuned: The tuned model's directory; None for that of the job's output volume.
        verbose: Print the trainer's whole log.

    Returns:
        0 where the tuned model is better or no judge was asked for, 1 where it is not or that is not
        decided, 2 where the judge could not judge.

    Raises:
        CommandError: An option is wrong, there is no tuned model, or the dataset cannot be used.
    """
    request = _with_tuned(read_request(filename, volume), tuned)
    spec = request.job.spec
    report = run_inspection(request)
    if not report.valid:
        raise CommandError("the dataset is invalid; `dpojob inspect` says what to write")
    with (
        configure_logging(verbose) as library_output,
        tempfile.TemporaryDirectory(prefix="dpojob-") as scratch,
    ):
        evaluation = trainer_bridge.evaluate(
            str(request.job.metadata.get("name") or "dpojob"),
            spec,
            report,
            _loading_plan(request),
            request.volumes,
            Path(scratch),
            library_output=library_output,
        )
    if form is not DocumentFormat.TABLE:
        print_document(evaluation.wire(), form)
    else:
        print_result(evaluation_view(evaluation.wire()))
    return exit_status(evaluation)


def exit_status(evaluation: Evaluation) -> int:
    """Looks up the command's exit status for an evaluation.

    Args:
        evaluation: The evaluation.

    Returns:
        0 where the tuned model is better, or where no judge was asked for and nothing failed; 2 where
        nothing could be evaluated; else 1.
    """
    if evaluation.verdict == Reason.NOT_EVALUATED or (not evaluation.verdict and evaluation.note):
        return 2
    return 0 if evaluation.verdict in (None, Reason.BETTER_THAN_BASE) else 1


def _with_tuned(request: JobRequest, tuned: Path | None) -> JobRequest:
    """The request with the tuned model's directory as its output volume."""
    spec, volumes = request.job.spec, dict(request.volumes)
    if tuned is not None:
        volumes[TUNED_CLAIM] = tuned.absolute()
        if spec.output.volume is not None:
            volumes.pop(spec.output.volume.claim_name, None)
        output = spec.output.model_copy(update={"volume": ClaimPath(claim_name=TUNED_CLAIM)})
        spec = spec.model_copy(update={"output": output})
    place = spec.output.volume
    if place is None:
        raise CommandError("which model is the tuned one? Name its directory with --tuned")
    check_volumes(spec, volumes, output=True)
    directory = volumes[place.claim_name] / place.path
    if not any((directory / name).is_file() for name in MODEL_CONFIGS):
        raise CommandError(
            f"{directory} holds no model: it has neither {' nor '.join(MODEL_CONFIGS)}"
        )
    return JobRequest(request.manifest, replace(request.job, spec=spec), volumes)


def _loading_plan(request: JobRequest) -> Plan:
    """A plan by which both models are loaded for answering: nothing is trained."""
    spec = request.job.spec
    method = "qlora" if spec.training.method == "qlora" else "full"
    return Plan(
        pool="local",
        method=method,
        precision="bf16",
        per_device_batch_size=1,
        gradient_accumulation=1,
        max_length=spec.training.max_length,
        memory_gib=MemoryNeed(needed=0.0, available=0.0),
        estimate=Estimate(hours=0.0, cost=Decimal(0)),
    )
