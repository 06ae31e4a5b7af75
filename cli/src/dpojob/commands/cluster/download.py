"""`dpojob download`: copies a job's model to this machine."""

from __future__ import annotations

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
    image: str | None = None,
) -> int:
    """Copies the model, and prints the directory.

    Args:
        name: The job's name.
        namespace: Its namespace; None for that of the context.
        context: A context of the kubeconfig; None for its current one.
        to: The directory, which must not exist; None for ./NAME.
        form: Form of standard output.
        image: The image of the pod that reads the claim; None for that of the job's own pods.

    Returns:
        The exit status, 0.

    Raises:
        CommandError: There is no model on a claim, or it cannot be read or written.
    """
    async with AsyncClient(namespace, context) as client:
        directory = await client.download(name, to, image=image)
    print_path(directory, form)
    return ExitCode.OK
