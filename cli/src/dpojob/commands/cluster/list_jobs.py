"""`dpojob list`: the jobs of a namespace, or of all."""

from __future__ import annotations

from dpojob.cluster.client import AsyncClient
from dpojob.cluster.job_facts import job_object
from dpojob.console import print_document, print_result
from dpojob.output_format import DocumentFormat, OutputFormat
from dpojob_api.constants import ExitCode


async def run(
    namespace: str | None,
    context: str | None,
    form: OutputFormat,
    *,
    everywhere: bool = False,
    phase: str | None = None,
) -> int:
    """Prints the jobs.

    Args:
        namespace: Their namespace; None for that of the context.
        context: A context of the kubeconfig; None for its current one.
        form: Form of standard output.
        everywhere: Those of all namespaces.
        phase: Only those in this phase, in any case; None for all.

    Returns:
        The exit status, 0.

    Raises:
        CommandError: The cluster does not answer, or refuses.
    """
    async with AsyncClient(namespace, context) as client:
        jobs = await client.jobs(everywhere=everywhere)
        namespace = client.namespace
    if phase is not None:
        jobs = [job for job in jobs if job.status.phase.lower() == phase.lower()]
    if form is OutputFormat.NAME:
        for job in jobs:
            print(job_object(job))
    elif form is not OutputFormat.TABLE:
        print_document([job.wire() for job in jobs], DocumentFormat(form))
    elif jobs:
        from dpojob.views.tables import jobs_table

        print_result(jobs_table(jobs, namespaces=everywhere))
    else:
        print("no jobs" if everywhere else f"no jobs in namespace {namespace}")
    return ExitCode.OK
