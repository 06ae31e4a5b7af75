"""A job on standard output, for programs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from dpojob.cluster.job_facts import job_object
from dpojob.console import print_document
from dpojob.errors import CommandError
from dpojob.output_format import DocumentFormat, OutputFormat

if TYPE_CHECKING:
    from dpojob_api.base import JSONObject


def print_job(found: JSONObject, form: OutputFormat) -> None:
    """Prints a job's name, or the whole object as `kubectl get` prints it.

    Args:
        found: The job as the API server sent it, perhaps of a later version.
        form: Any form but a table, which each command has of its own.
    """
    if form is OutputFormat.NAME:
        print(job_object(found["metadata"]["name"]))
    else:
        print_document(without_managed_fields(found), DocumentFormat(form))


def without_managed_fields(found: JSONObject) -> JSONObject:
    """Leaves out who has set which field, as kubectl does: it is longer than the rest.

    Args:
        found: An object as the API server sent it.

    Returns:
        A copy without `metadata.managedFields`.
    """
    metadata: Mapping[str, object] = found["metadata"]
    kept = {name: value for name, value in metadata.items() if name != "managedFields"}
    return {**found, "metadata": kept}


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
