"""`dpojob pools`: the GPU pools of the cluster."""

from __future__ import annotations

from dpojob.cluster.client import AsyncClient
from dpojob.console import print_document, print_result
from dpojob.output_format import DocumentFormat, OutputFormat
from dpojob.views.tables import pools_table
from dpojob_api.constants import GROUP, ExitCode


async def run(context: str | None, form: OutputFormat) -> int:
    """Prints the pools.

    Args:
        context: A context of the kubeconfig; None for its current one.
        form: Form of standard output.

    Returns:
        The exit status, 0.

    Raises:
        CommandError: The cluster does not answer, or the user may not read pools.
    """
    async with AsyncClient(None, context) as client:
        pools = await client.pools()
    if form is OutputFormat.NAME:
        for pool in pools:
            print(f"gpupool.{GROUP}/{pool.name}")
    elif form is not OutputFormat.TABLE:
        print_document([pool.wire() for pool in pools], DocumentFormat(form))
    elif pools:
        print_result(pools_table(pools))
    else:
        print("no pools: an administrator adds GPUPools, or the chart's value pools does")
    return ExitCode.OK
