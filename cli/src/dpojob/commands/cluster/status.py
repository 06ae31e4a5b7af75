"""`dpojob status`: a job's state on a cluster, once or until the job ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dpojob.cluster.client import AsyncClient
from dpojob.cluster.resources import DPOJOBS
from dpojob.console import live_console, print_json, print_result
from dpojob.output_format import OutputFormat
from dpojob_api.conditions import ConditionType
from dpojob_api.constants import ExitCode

from .job_document import print_job, refuse_document

if TYPE_CHECKING:
    from dpojob_api.job import DPOJob


async def run(
    name: str,
    namespace: str | None,
    context: str | None,
    form: OutputFormat,
    *,
    watch: bool = False,
    status_json: bool = False,
) -> int:
    """Prints a job's status; with `watch` until the job ends.

    Args:
        name: The job's name.
        namespace: Its namespace; None for that of the context.
        context: A context of the kubeconfig; None for its current one.
        form: Form of standard output; JSON and YAML are the whole object as the API server sends it.
        watch: Stay until the job ends.
        status_json: Print the status alone as JSON.

    Returns:
        The exit status: 0, or for a watch 0 when the job completed and 1 when it failed.

    Raises:
        CommandError: The cluster does not answer, the job is deleted while it is watched, or another form than a
            table is asked of a watch.
    """
    if watch:
        refuse_document(OutputFormat.JSON if status_json else form)
    async with AsyncClient(namespace, context) as client:
        if watch:
            return await _watch(client, name)
        found = await client.api.get(DPOJOBS, name)
    if status_json:
        print_json(found.get("status") or {})
    elif form is OutputFormat.TABLE:
        from dpojob.views.status_view import status_view

        print_result(status_view(found))
    else:
        print_job(found, form)
    return ExitCode.OK


async def _watch(client: AsyncClient, name: str) -> int:
    from rich.live import Live

    from dpojob.views.status_view import headline, status_view

    console = live_console(stderr=False)
    job: DPOJob | None = None
    if not console.is_terminal:
        printed = None
        async for job in client.watch(name):
            line = headline(job.wire())
            if line != printed:
                print(line, flush=True)
                printed = line
    else:
        with Live(console=console, refresh_per_second=4) as display:
            async for job in client.watch(name):
                display.update(status_view(job.wire()))
    completed = job is not None and job.status.is_true(ConditionType.COMPLETE)
    return ExitCode.OK if completed else ExitCode.INVALID
