"""`dpojob init`: asks a few questions, looks at the dataset, and writes a commented manifest."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from rich.prompt import Prompt

from dpojob.console import print_warning, stderr_console
from dpojob.errors import CommandError
from dpojob.views.report_view import validity_line
from dpojob_api.constants import ExitCode
from dpojob_api.report import InspectionReport

from .commented_manifest import commented_manifest
from .dataset_check import dataset_request, inspect_dataset
from .job_options import JobOptions, build_job, default_name, validated
from .sources import Kind, parse_source, refuse_local

TO_CLAIM = "copy it to a claim, and name it as pvc://CLAIM/PATH"
DEFAULT_MODEL = "Qwen/Qwen2.5-0.5B-Instruct"


def run(file: Path, options: JobOptions, *, yes: bool = False, look: bool = True) -> int:
    """Writes the manifest.

    Args:
        file: The file, which must not exist.
        options: What the user gave; an empty dataset is asked for.
        yes: Ask nothing.
        look: Look at the dataset, where the trainer is installed.

    Returns:
        The exit status: 0; 1 where the dataset needs more than could be suggested.

    Raises:
        CommandError: The file exists or cannot be written, an answer is missing, or the answers make no valid job.
    """
    if file.exists():
        raise CommandError(f"{file} exists already; name another file")
    options = options if yes else _ask(options)
    if not options.dataset:
        raise CommandError("name the dataset: --dataset")
    if options.model is None and options.from_job is None:
        options = replace(options, model=DEFAULT_MODEL)
    built = build_job(options)
    document, notes, valid = built.document, list[str](), True
    if look:
        report = look_at(built.document["spec"]["dataset"], built.volumes)
        if report is not None:
            stderr_console().print(validity_line(report))
            notes, valid = _notes(report), report.valid
            if report.suggestion is not None and not report.valid:
                for part, fields in report.suggestion.spec().items():
                    document["spec"].setdefault(part, {}).update(fields)
                validated(document)
                valid = not report.suggestion.remaining
    refuse_local(built.sources, TO_CLAIM)
    try:
        file.write_text(commented_manifest(document, notes), encoding="utf-8")
    except OSError as error:
        raise CommandError(f"{file} cannot be written: {error.strerror}") from error
    print(file)
    return ExitCode.OK if valid else ExitCode.INVALID


def _ask(options: JobOptions) -> JobOptions:
    """The options with answers to those that are not given."""
    if not sys.stdin.isatty():
        raise CommandError(
            "init asks questions; give --dataset and --yes where nobody can be asked"
        )
    if options.model is None and options.from_job is None:
        question = "Which model is tuned (a repository, or pvc://CLAIM/PATH)?"
        options = replace(
            options, model=_ask_for(question, DEFAULT_MODEL, partial(_check_source, "model"))
        )
    if not options.dataset:
        question = (
            "Which dataset of preference pairs (a repository, pvc://CLAIM/PATH or an address)?"
        )
        options = replace(
            options, dataset=_ask_for(question, None, partial(_check_source, "dataset"))
        )
    if options.name is None:
        question, default = "What is the job called?", default_name(options)
        check = partial(_check_name, options)
        options = replace(options, name=_ask_for(question, default, check))
    if options.max_cost is None:
        question = "What may it cost at most (empty: no limit)?"
        check = partial(_check_max_cost, options)
        options = replace(options, max_cost=_ask_for(question, "", check) or None)
    return options


def _ask_for(question: str, default: str | None, check: Callable[[str], object]) -> str:
    """Asks until an answer passes the check, which raises a CommandError for what is wrong with it."""
    console = stderr_console()
    while True:
        answer = str(Prompt.ask(question, default=default, console=console) or "").strip()
        try:
            check(answer)
        except CommandError as error:
            console.print(str(error), style="yellow")
        else:
            return answer


def _check_source(kind: Kind, answer: str) -> None:
    refuse_local({kind: parse_source(answer, kind)}, TO_CLAIM)


def _check_name(options: JobOptions, answer: str) -> None:
    build_job(replace(options, name=answer))


def _check_max_cost(options: JobOptions, answer: str) -> None:
    build_job(replace(options, max_cost=answer or None))


def look_at(dataset: dict[str, object], directories: dict[str, Path]) -> InspectionReport | None:
    """Inspects the dataset, where it can be read from here.

    Args:
        dataset: The value of `spec.dataset`.
        directories: Claim name to directory.

    Returns:
        The report; None where the dataset cannot be read, with a warning that says why.
    """
    try:
        with dataset_request(dataset, None, directories) as request:
            return inspect_dataset(request)
    except CommandError as error:
        print_warning(f"the dataset was not looked at: {error}")
        return None


def _notes(report: InspectionReport) -> list[str]:
    """What the comment above the dataset says."""
    notes = [f"{report.source}: {report.rows:,} rows with the columns {', '.join(report.columns)}."]
    return notes + [f"{problem.code}: {problem.message}" for problem in report.problems[:3]]
