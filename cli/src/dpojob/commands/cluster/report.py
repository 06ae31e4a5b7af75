"""`dpojob report`: fetches a job's report and opens it."""

from __future__ import annotations

import asyncio
import sys
import webbrowser
from pathlib import Path

from dpojob.cluster.client import AsyncClient
from dpojob.console import print_path
from dpojob.output_format import DocumentFormat
from dpojob_api.constants import ExitCode


async def run(
    name: str,
    namespace: str | None,
    context: str | None,
    to: Path | None,
    form: DocumentFormat,
    *,
    open_page: bool = True,
    image: str | None = None,
) -> int:
    """Writes the report to a file, prints its path, and opens it on a terminal.

    Args:
        name: The job's name.
        namespace: Its namespace; None for that of the context.
        context: A context of the kubeconfig; None for its current one.
        to: The file; None for ./NAME-report.html.
        form: Form of standard output.
        open_page: Open it in the browser, where standard output is a terminal and has no other form than a table.
        image: The image of the pod that reads the claim; None for that of the job's own pods.

    Returns:
        The exit status, 0.

    Raises:
        CommandError: There is no report on a claim, or it cannot be read or written.
    """
    async with AsyncClient(namespace, context) as client:
        file = await client.report(name, to, image=image)
    print_path(file, form)
    if open_page and form is DocumentFormat.TABLE and sys.stdout.isatty():
        await asyncio.to_thread(webbrowser.open, file.absolute().as_uri())
    return ExitCode.OK
