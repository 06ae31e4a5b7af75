"""A job on standard output, for programs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dpojob.cluster.job_facts import job_object
from dpojob.console import print_document
from dpojob.errors import CommandError
from dpojob.output_format import DocumentFormat, OutputFormat

if TYPE_CHECKING:
    from dpojob_api.job import DPOJob


def print_job(job: DPOJob, form: OutputFormat) -> None:
    """Prints a job's name or the whole object.

    Args:
        job: The job.
        form: Any form but a table, which each command has of its own.
    """
    if form is OutputFormat.NAME:
        print(job_object(job.name))
    else:
        print_document(job.wire(), DocumentFormat(form))


def refuse_document(form: OutputFormat | None) -> None:
    """Refuses a form of standard output in which `--watch` prints nothing.

    Args:
        form: The form; None for the default.

    Raises:
        CommandError: It is another form than a table.
    """
    if form not in (None, OutputFormat.TABLE):
        raise CommandError(
            f"--watch prints a line for each change, and -o {form} one document: leave one of them out",
            reason=None,
        )
