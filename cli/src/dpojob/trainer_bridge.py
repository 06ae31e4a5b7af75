"""Calls into the trainer package, where it is installed; no other module imports it.

The imports are inside the functions, because the trainer's dependencies are large and `--help` or
`status` need none of them.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from dpojob_api.constants import ENV_HUB_TOKEN

from .errors import CommandError

if TYPE_CHECKING:
    from dpojob_api.evaluation import Evaluation
    from dpojob_api.plan import Plan
    from dpojob_api.progress import Outcome, Progress
    from dpojob_api.report import InspectionReport, ModelFacts
    from dpojob_api.spec import DPOJobSpec

Volumes = Mapping[str, Path]
"""Claim name to the directory that replaces it."""
ExampleRows = dict[tuple[str | None, int], Mapping[str, Any]]
"""(split that a problem names, or None for the training split; row number in it) to the row."""
EXAMPLE_ROWS = 2
"""Rows read for each problem."""


@contextmanager
def _explain_missing_package(feature: str, requirement: str) -> Iterator[None]:
    try:
        yield
    except ModuleNotFoundError as error:
        raise CommandError(
            f"{feature} needs a package that is not installed ({error.name}): "
            f"pip install '{requirement}'"
        ) from error


def _stated_hub_token() -> str | None:
    """HF_TOKEN. Without it huggingface_hub finds the token that `hf auth login` stored once the hub is asked."""
    return os.environ.get(ENV_HUB_TOKEN) or None


def hub_token() -> str | None:
    """Finds the user's Hugging Face token.

    Returns:
        HF_TOKEN from the environment, else the token that `hf auth login` stored, else None.
    """
    if token := _stated_hub_token():
        return token
    from huggingface_hub import get_token

    return get_token()


@contextmanager
def _inspection_error_as_command_error() -> Iterator[None]:
    from dpojob_trainer.shared.errors import InspectionError

    try:
        yield
    except InspectionError as error:
        raise CommandError(error.message, reason=error.reason) from error


def prepare_inspection() -> None:
    """Imports the inspection for commands that do nothing else, without what it has no use for.

    That is pandas where it is installed, and the threads of numpy's linear algebra, which keep the processors busy
    while they wait. A training would miss both.

    Raises:
        CommandError: The trainer is not installed.
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    with _explain_missing_package("inspect", "dpojob[inspect]"):
        from dpojob_trainer.inspection import leave_out_pandas

        leave_out_pandas()


def inspect(
    spec: DPOJobSpec, volumes: Volumes, progress: Callable[[int, int | None], None]
) -> InspectionReport:
    """Runs the trainer's inspection.

    Args:
        spec: The job's spec.
        volumes: Claim name to directory.
        progress: Called with the rows read so far and about how many there are, None if not known.

    Returns:
        The report, valid or not.

    Raises:
        CommandError: The trainer is not installed, or the dataset or the model cannot be read.
    """
    with _explain_missing_package("inspect", "dpojob[inspect]"):
        from dpojob_trainer.inspection import inspect as run

        with _inspection_error_as_command_error():
            return run(spec, volumes, progress=progress, token=_stated_hub_token())


def read_model_facts(spec: DPOJobSpec, volumes: Volumes) -> ModelFacts:
    """Reads the model's facts from its config and weight headers, without the dataset.

    Args:
        spec: The job's spec.
        volumes: Claim name to directory.

    Returns:
        The size, architecture and data type.

    Raises:
        CommandError: The trainer is not installed, or the model cannot be read.
    """
    with _explain_missing_package("reading the model", "dpojob[inspect]"):
        from dpojob_trainer.inspection.model import open_model, read_facts

        with _inspection_error_as_command_error():
            return read_facts(open_model(spec.model, volumes, _stated_hub_token()))


def read_example_rows(
    spec: DPOJobSpec, volumes: Volumes, report: InspectionReport, limit: int = EXAMPLE_ROWS
) -> ExampleRows:
    """Reads the first rows that each problem and each kind of suspects in a report names.

    Args:
        spec: The job's spec.
        volumes: Claim name to directory.
        report: The report of the job's inspection.
        limit: Rows read for each of them.

    Returns:
        The rows with their secrets masked, without those that cannot be read again.
    """
    from dpojob_trainer.inspection.scan import read_example_rows as read

    return read(spec, volumes, report, limit, _stated_hub_token())


def html_report(spec: DPOJobSpec, volumes: Volumes, report: InspectionReport) -> str:
    """Renders a report with rows of the dataset, and some as training sees them.

    Args:
        spec: The job's spec.
        volumes: Claim name to directory.
        report: The report of the job's inspection.

    Returns:
        One HTML page that needs nothing from elsewhere; rows that cannot be read again are left out.
    """
    from dpojob_trainer.inspection import render_page, report_rows

    return render_page(report, report_rows(spec, volumes, report, _stated_hub_token()))


def training_exit_code(outcome: Outcome) -> int:
    """Looks up the exit status that the training container has for an outcome.

    Args:
        outcome: The training's outcome.

    Returns:
        The exit status.
    """
    from dpojob_trainer.training.setup.errors import exit_code

    return exit_code(outcome.reason)


def train(
    name: str,
    spec: DPOJobSpec,
    report: InspectionReport,
    plan: Plan,
    volumes: Volumes,
    scratch: Path,
    on_progress: Callable[[Progress], None],
    *,
    library_output: TextIO,
) -> Outcome:
    """Runs the trainer's training in this process.

    Args:
        name: The job's name.
        spec: The job's spec.
        report: The report of its inspection.
        plan: The plan for this machine.
        volumes: Claim name to directory.
        scratch: An empty directory for temporary files.
        on_progress: Called with each new progress.
        library_output: Where what the libraries print on standard output goes.

    Returns:
        The training's outcome, failed or not.

    Raises:
        CommandError: The trainer or TRL is not installed.
    """
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    # The user's own cache holds models that were downloaded before.
    os.environ.setdefault("HF_HOME", str(cache / "huggingface"))
    if find_spec("trl") is None:
        # Checked here, because `run` would report a missing package as a failed training.
        raise CommandError("train needs TRL, which is not installed: pip install 'dpojob[train]'")
    with (
        _explain_missing_package("train", "dpojob[train]"),
        redirect_stdout(library_output),
    ):
        from dpojob_trainer.training import (
            TrainJob,
            discard_output_at_exit,
            hide_unused_packages,
            run,
        )

        discard_output_at_exit()
        job = TrainJob(
            name=name, spec=spec, report=report, plan=plan, volumes=volumes, scratch=scratch,
            token=hub_token(),
        )  # fmt: skip
        hide_unused_packages(job)
        return run(job, on_progress=on_progress)


def evaluate(
    name: str,
    spec: DPOJobSpec,
    report: InspectionReport,
    plan: Plan,
    volumes: Volumes,
    scratch: Path,
    *,
    library_output: TextIO,
) -> Evaluation:
    """Runs the trainer's evaluation of a finished model in this process.

    Args:
        name: The job's name.
        spec: The job's spec; its output volume is the tuned model's directory.
        report: The report of its inspection.
        plan: How to load the models: method and precision.
        volumes: Claim name to directory.
        scratch: An empty directory for temporary files.
        library_output: Where what the libraries print on standard output goes.

    Returns:
        The figures and the verdict, as far as they could be made.

    Raises:
        CommandError: The trainer or one of its packages is not installed.
    """
    with (
        _explain_missing_package("evaluate", "dpojob[train]"),
        redirect_stdout(library_output),
    ):
        from dpojob_trainer.training import TrainJob, discard_output_at_exit, hide_unused_packages

        discard_output_at_exit()
        job = TrainJob(
            name=name, spec=spec, report=report, plan=plan, volumes=volumes, scratch=scratch,
            token=hub_token(),
        )  # fmt: skip
        hide_unused_packages(job)
        # Imported now, since it imports peft and TRL.
        from dpojob_trainer.training.evaluation.evaluator import evaluate_alone

        return evaluate_alone(job)
