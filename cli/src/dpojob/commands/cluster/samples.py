"""`dpojob samples`: answers to the sample prompts, before training and now."""

from __future__ import annotations

from dpojob.cluster.client import AsyncClient
from dpojob.cluster.job_facts import job_object
from dpojob.console import print_document, print_result
from dpojob.errors import CommandError
from dpojob.output_format import DocumentFormat, OutputFormat
from dpojob_api.constants import ExitCode


async def run(name: str, namespace: str | None, context: str | None, form: OutputFormat) -> int:
    """Prints the samples of a job.

    Args:
        name: The job's name.
        namespace: Its namespace; None for that of the context.
        context: A context of the kubeconfig; None for its current one.
        form: Form of standard output.

    Returns:
        The exit status, 0.

    Raises:
        CommandError: The cluster does not answer, or the job has no samples yet.
    """
    async with AsyncClient(namespace, context) as client:
        job = await client.get(name)
    samples = [sample.wire() for sample in job.status.samples]
    if not samples:
        raise CommandError(
            f"{name} has no samples yet (its phase is {job.status.phase}); the first are taken before "
            "training begins",
            code=ExitCode.INVALID,
            reason=None,
        )
    if form is OutputFormat.NAME:
        print(job_object(name))
    elif form is OutputFormat.TABLE:
        from dpojob.views.status_view import samples_table

        print_result(samples_table(samples, limit=None))
    else:
        print_document(samples, DocumentFormat(form))
    return ExitCode.OK
