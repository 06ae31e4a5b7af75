"""`dpojob suspend` and `dpojob resume`: pause a job on a cluster, and let it continue."""

from __future__ import annotations

from dpojob.cluster.client import AsyncClient
from dpojob.cluster.job_facts import suspend_patch
from dpojob.cluster.resources import DPOJOBS
from dpojob.output_format import OutputFormat
from dpojob_api.constants import ExitCode

from .job_document import print_job


async def run(
    name: str, namespace: str | None, context: str | None, form: OutputFormat, *, suspend: bool
) -> int:
    """Sets the job's spec.suspend, and prints what follows from it.

    Args:
        name: The job's name.
        namespace: Its namespace; None for that of the context.
        context: A context of the kubeconfig; None for its current one.
        form: Form of standard output; a table is a sentence.
        suspend: Pause the job rather than let it continue.

    Returns:
        The exit status, 0.

    Raises:
        CommandError: There is no such job, or the API server refuses the change.
    """
    async with AsyncClient(namespace, context) as client:
        found = await client.api.patch(DPOJOBS, name, suspend_patch(suspend))
    if form is not OutputFormat.TABLE:
        print_job(found, form)
    elif suspend:
        print(f"{name}: suspended; training stops with a checkpoint. `resume` goes on from it")
    else:
        print(f"{name}: resumed")
    return ExitCode.OK
