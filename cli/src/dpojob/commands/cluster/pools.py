"""`dpojob pools`: the GPU pools of the cluster; `dpojob pools suggest`: GPUPools for its nodes."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from dpojob.cluster.client import AsyncClient
from dpojob.cluster.resources import NODES
from dpojob.console import print_document, print_result, print_warning
from dpojob.output_format import DocumentFormat, OutputFormat
from dpojob_api.constants import API_VERSION, GROUP, ExitCode

if TYPE_CHECKING:
    from dpojob_api.base import JSONObject
    from dpojob_planner import Node, PoolSuggestion

HEAD = """\
# GPUPools by the labels of this cluster's nodes. Set hourlyPrice, the price of one GPU for one hour, before you apply them.
"""
SHOWN_NODES = 3


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
        from dpojob.views.tables import pools_table

        print_result(pools_table(pools))
    else:
        print("no pools: an administrator adds GPUPools, or the chart's value pools does")
    return ExitCode.OK


async def suggest(context: str | None, form: OutputFormat) -> int:
    """Prints GPUPools for the nodes.

    Args:
        context: A context of the kubeconfig; None for its current one.
        form: Form of standard output: `json` is one list, `name` names alone; else commented YAML.

    Returns:
        The exit status: 0, or 1 where no pool can be suggested.

    Raises:
        CommandError: The cluster does not answer, or the user may not list nodes.
    """
    from dpojob_planner import suggest_pools

    async with AsyncClient(None, context) as client:
        nodes = [_node(found) for found in await client.api.list_all(NODES)]
    suggestions = suggest_pools(nodes)
    for sentence in suggestions.left_out:
        print_warning(f"no pool for {sentence}")
    if not suggestions.pools:
        print_warning(f"none of {len(nodes)} nodes offers GPUs with which a pool can be described")
        return ExitCode.INVALID
    if form is OutputFormat.JSON:
        print_document([_manifest(pool) for pool in suggestions.pools], DocumentFormat.JSON)
    elif form is OutputFormat.NAME:
        print("\n".join(pool.name for pool in suggestions.pools))
    else:
        sys.stdout.write(HEAD + "".join(_document(pool) for pool in suggestions.pools))
    return ExitCode.OK


def _node(found: JSONObject) -> Node:
    """What the planner reads of a node."""
    from dpojob_planner import Node

    return Node(
        name=found["metadata"]["name"],
        labels=found["metadata"].get("labels") or {},
        allocatable=(found.get("status") or {}).get("allocatable") or {},
        taints=(found.get("spec") or {}).get("taints") or (),
    )


def _manifest(pool: PoolSuggestion) -> JSONObject:
    """The GPUPool, with the fields that were found and the price to set."""
    spec = pool.spec.model_dump(by_alias=True, mode="json", exclude_defaults=True)
    return {
        "apiVersion": API_VERSION,
        "kind": "GPUPool",
        "metadata": {"name": pool.name},
        "spec": {**spec, "hourlyPrice": "0"},
    }


def _document(pool: PoolSuggestion) -> str:
    """A YAML document with the names of the nodes above it."""
    import yaml

    names = ", ".join(pool.nodes[:SHOWN_NODES])
    more = len(pool.nodes) - SHOWN_NODES
    shown = f"{names} and {more} more" if more > 0 else names
    return f"---\n# Nodes: {shown}\n{yaml.safe_dump(_manifest(pool), sort_keys=False)}"
