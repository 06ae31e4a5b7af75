"""`dpojob cancel`: deletes a job on a cluster."""

from __future__ import annotations

import sys

from dpojob.cluster.client import AsyncClient
from dpojob.cluster.resources import DPOJOBS
from dpojob.console import stderr_console
from dpojob.errors import CommandError
from dpojob.output_format import OutputFormat
from dpojob_api.constants import ExitCode

from .job_document import print_job


async def run(
    name: str,
    namespace: str | None,
    context: str | None,
    form: OutputFormat,
    *,
    yes: bool = False,
) -> int:
    """Deletes the job after a confirmation; its output claim and its uploads remain.

    Args:
        name: The job's name.
        namespace: Its namespace; None for that of the context.
        context: A context of the kubeconfig; None for its current one.
        form: Form of standard output; JSON and YAML are the job as it was, a table is a sentence.
        yes: Do not ask.

    Returns:
        The exit status: 0 when the job was deleted, 1 when the user declined.

    Raises:
        CommandError: There is no such job, the API server refuses the request, or standard input is no terminal
            and --yes is missing.
    """
    from rich.prompt import Confirm

    from dpojob.views.status_view import headline

    async with AsyncClient(namespace, context) as client:
        messages = stderr_console()
        found = await client.api.get(DPOJOBS, name)
        messages.print(headline(found))
        if not yes:
            if not sys.stdin.isatty():
                raise CommandError("cancel deletes the job; say --yes where nobody can be asked")
            question = f"Delete {name}? Its output claim stays"
            if not Confirm.ask(question, console=messages, default=False):
                return ExitCode.INVALID
        await client.delete(name)
    if form is OutputFormat.TABLE:
        print(f"{name}: deleted; its output claim and what it uploaded stay")
    else:
        print_job(found, form)
    return ExitCode.OK
