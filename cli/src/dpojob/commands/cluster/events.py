"""`dpojob events`: what happened to a job."""

from __future__ import annotations

from dpojob.cluster.client import AsyncClient
from dpojob.console import print_document, print_result
from dpojob.output_format import DocumentFormat, OutputFormat
from dpojob_api.constants import ExitCode


async def run(name: str, namespace: str | None, context: str | None, form: OutputFormat) -> int:
    """Prints the Events of a job, the newest last.

    Args:
        name: The job's name.
        namespace: Its namespace; None for that of the context.
        context: A context of the kubeconfig; None for its current one.
        form: Form of standard output.

    Returns:
        The exit status, 0.

    Raises:
        CommandError: The cluster does not answer, or there is no such job.
    """
    async with AsyncClient(namespace, context) as client:
        events = await client.events(await client.get(name))
    if form is OutputFormat.NAME:
        for event in events:
            print(f"event/{event['metadata']['name']}")
    elif form is not OutputFormat.TABLE:
        print_document(events, DocumentFormat(form))
    elif events:
        from dpojob.views.tables import events_table

        print_result(events_table(events))
    else:
        print(f"no events of {name}; the API server keeps them for an hour by default")
    return ExitCode.OK
