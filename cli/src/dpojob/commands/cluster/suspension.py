"""`dpojob suspend` and `dpojob resume`: pause a job on a cluster, and let it continue."""

from __future__ import annotations

from dpojob.cluster.client import AsyncClient
from dpojob_api.constants import ExitCode


async def suspend(name: str, namespace: str | None, context: str | None) -> int:
    """Sets the job's spec.suspend to true.

    Args:
        name: The job's name.
        namespace: Its namespace; None for that of the context.
        context: A context of the kubeconfig; None for its current one.

    Returns:
        The exit status, 0.

    Raises:
        CommandError: There is no such job, or the API server refuses the change.
    """
    async with AsyncClient(namespace, context) as client:
        await client.suspend(name)
    print(f"{name}: suspended; training stops with a checkpoint. `resume` goes on from it")
    return ExitCode.OK


async def resume(name: str, namespace: str | None, context: str | None) -> int:
    """Sets the job's spec.suspend to false.

    Args:
        name: The job's name.
        namespace: Its namespace; None for that of the context.
        context: A context of the kubeconfig; None for its current one.

    Returns:
        The exit status, 0.

    Raises:
        CommandError: There is no such job, or the API server refuses the change.
    """
    async with AsyncClient(namespace, context) as client:
        await client.resume(name)
    print(f"{name}: resumed")
    return ExitCode.OK
