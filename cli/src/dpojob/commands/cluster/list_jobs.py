"""`dpojob list`: the jobs of a namespace, or of all."""

from __future__ import annotations

from typing import get_args

from dpojob.cluster.client import AsyncClient
from dpojob.cluster.job_facts import job_object, job_phase
from dpojob.cluster.resources import DPOJOBS
from dpojob.console import print_document, print_result
from dpojob.errors import CommandError
from dpojob.output_format import DocumentFormat, OutputFormat
from dpojob_api.constants import ExitCode, Phase
from dpojob_api.spelling import nearest

from .job_document import without_managed_fields


async def run(
    namespace: str | None,
    context: str | None,
    form: OutputFormat,
    *,
    everywhere: bool = False,
    phase: str | None = None,
) -> int:
    """Prints the jobs as the API server sends them, which needs no models of the API.

    Args:
        namespace: Their namespace; None for that of the context.
        context: A context of the kubeconfig; None for its current one.
        form: Form of standard output.
        everywhere: Those of all namespaces.
        phase: Only those in this phase, in any case; None for all.

    Returns:
        The exit status, 0.

    Raises:
        CommandError: There is no such phase, or the cluster does not answer or refuses.
    """
    if phase is not None:
        _check_phase(phase)
    async with AsyncClient(namespace, context) as client:
        jobs = await client.api.list_all(DPOJOBS, everywhere=everywhere)
        namespace = client.namespace
    if phase is not None:
        jobs = [job for job in jobs if job_phase(job).lower() == phase.lower()]
    if form is OutputFormat.NAME:
        for job in jobs:
            print(job_object(job["metadata"]["name"]))
    elif form is not OutputFormat.TABLE:
        print_document([without_managed_fields(job) for job in jobs], DocumentFormat(form))
    elif jobs:
        from dpojob.views.tables import jobs_table

        print_result(jobs_table(jobs, namespaces=everywhere))
    else:
        print("no jobs" if everywhere else f"no jobs in namespace {namespace}")
    return ExitCode.OK


def _check_phase(phase: str) -> None:
    """Refuses a phase that no job is ever in, where an empty list would look like an answer."""
    phases = get_args(Phase)
    if phase.lower() in map(str.lower, phases):
        return
    near = nearest(phase, phases, key=str.lower)
    hint = f"; did you mean {near}?" if near else ""
    raise CommandError(f"--phase {phase}: a phase is one of {', '.join(phases)}{hint}", reason=None)
