"""The trainer, where it is installed beside this command: the only module that imports it.

Imports stay inside the functions: the trainer's packages are large, and `--help` or `status` need
none of them.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TextIO

from dpojob_api.constants import ENV_HUB_TOKEN
from dpojob_api.plan import Plan
from dpojob_api.progress import Outcome, Progress
from dpojob_api.report import InspectionReport, ModelFacts
from dpojob_api.spec import DPOJobSpec

from .errors import CommandError

Volumes = Mapping[str, Path]
Examples = dict[tuple[str | None, int], Mapping[str, Any]]
"""Rows by the split that a problem names (None: the one trained on) and their number there."""
EXAMPLE_ROWS = 2
"""Rows fetched for each problem."""
EXAMPLE_REACH = 1_000_000
"""Rows further in than this are named and not shown: reading up to them again takes too long."""


@contextmanager
def _installed(what: str, extra: str) -> Iterator[None]:
    try:
        yield
    except ModuleNotFoundError as error:
        raise CommandError(
            f"{what} needs a package that is not installed ({error.name}): pip install '{extra}'"
        ) from error


def token() -> str | None:
    """The user's hub token: HF_TOKEN, or that of `hf auth login`."""
    if found := os.environ.get(ENV_HUB_TOKEN):
        return found
    from huggingface_hub import get_token

    return get_token()


@contextmanager
def _looking() -> Iterator[None]:
    from dpojob_trainer.shared.errors import InspectionError

    try:
        yield
    except InspectionError as error:
        raise CommandError(error.message, reason=error.reason) from error


def inspect(
    spec: DPOJobSpec, volumes: Volumes, progress: Callable[[int, int | None], None]
) -> InspectionReport:
    """The trainer's inspection. Raises CommandError when it cannot look."""
    with _installed("inspect", "dpojob-trainer"):
        from dpojob_trainer.inspection import inspect as run

        with _looking():
            return run(spec, volumes, progress=progress, token=token())


def model_facts(spec: DPOJobSpec, volumes: Volumes) -> ModelFacts:
    """The model alone, from its config and headers. Raises CommandError when it cannot look."""
    with _installed("reading the model", "dpojob-trainer"):
        from dpojob_trainer.inspection.model import open_model, read_facts

        with _looking():
            return read_facts(open_model(spec.model, volumes, token()))


def examples(spec: DPOJobSpec, volumes: Volumes, report: InspectionReport) -> Examples:
    """The first rows that each problem names, as the split it speaks of has them.

    A row that cannot be read again is left out: the verdict stands without it.
    """
    wanted: dict[str | None, set[int]] = {}
    for problem in report.problems:
        numbers = {n for n in problem.examples[:EXAMPLE_ROWS] if n < EXAMPLE_REACH}
        if numbers:
            wanted.setdefault(problem.split, set()).update(numbers)
    columns = [column for column in report.mapping.wire().values() if column] or None
    return {
        (split, number): row
        for split, numbers in wanted.items()
        for number, row in _rows(spec, volumes, split, columns, numbers)
    }


def _rows(
    spec: DPOJobSpec,
    volumes: Volumes,
    split: str | None,
    columns: list[str] | None,
    wanted: set[int],
) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Those of the wanted rows of a split (None: the one trained on) that can be read."""
    from dpojob_trainer.inspection.readers import read_file
    from dpojob_trainer.inspection.sources import open_source
    from dpojob_trainer.shared.errors import InspectionError

    dataset, evaluation = spec.dataset, split is not None
    first = 0
    try:
        source = open_source(
            dataset, volumes, token(), split or dataset.split, evaluation=evaluation
        )
        for file in source.files:
            for chunk in read_file(file, columns):
                here = [n for n in wanted if first <= n < first + len(chunk)]
                yield from zip(here, chunk.rows([n - first for n in here]), strict=True)
                first += len(chunk)
                if first > max(wanted):
                    return
    except InspectionError:
        return


def exit_code(outcome: Outcome) -> int:
    """The training container's exit status for that last word."""
    from dpojob_trainer.training.setup.errors import exit_code as of

    return of(outcome.reason)


def train(
    name: str,
    spec: DPOJobSpec,
    report: InspectionReport,
    plan: Plan,
    volumes: Volumes,
    scratch: Path,
    on_progress: Callable[[Progress], None],
    *,
    chatter: TextIO,
) -> Outcome:
    """The trainer's training, in this process. What its libraries print goes to `chatter`."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    # On a machine of the user's own, what they downloaded before is at hand.
    os.environ.setdefault("HF_HOME", str(cache / "huggingface"))
    if find_spec("trl") is None:
        # Asked here: `run` would call its absence a failed training.
        raise CommandError(
            "train needs TRL, which is not installed: pip install 'dpojob-trainer[train]'"
        )
    with _installed("train", "dpojob-trainer[train]"), redirect_stdout(chatter):
        from dpojob_trainer.training import TrainJob, run

        job = TrainJob(
            name=name, spec=spec, report=report, plan=plan, volumes=volumes, scratch=scratch,
            token=token(),
        )  # fmt: skip
        return run(job, on_progress=on_progress)
