"""The GPU pools to plan on without a cluster: the chart's default catalogue, or those of a file."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from importlib.resources import files
from typing import Any

from dpojob_api.constants import API_VERSION
from dpojob_api.manifest import ManifestError, load_all
from dpojob_api.pool import GPUPool
from dpojob_planner import PoolState

from .errors import CommandError
from .input_files.yaml_loader import parse_documents, read_text


def default_pools() -> list[PoolState]:
    """Loads the copy of the chart's default catalogue.

    Returns:
        The pools; how many of their GPUs are free is not known.
    """
    text = files(__package__).joinpath("default_pools.json").read_text(encoding="utf-8")
    return [pool_state(pool) for pool in _load_pools([json.loads(text)])]


def read_pools(file: str) -> list[PoolState]:
    """Reads pools from a file.

    Args:
        file: Path to a file of GPUPools, of `kubectl get gpupools -o yaml`, of the chart's list of
            {name, spec}, or of chart values with that list under `pools`; "-" is standard input.

    Returns:
        The pools, with what is free where the file has their status.

    Raises:
        CommandError: The file cannot be read, is invalid, or holds no pool.
    """
    try:
        pools = _load_pools([document.value for document in parse_documents(read_text(file))])
    except ManifestError as error:
        problems = "\n".join(f"  {problem.message}" for problem in error.problems)
        raise CommandError(f"{file} holds no valid pools:\n{problems}") from error
    if not pools:
        raise CommandError(f"{file} holds no GPUPool; a list of {{name, spec}} will do as well")
    return [pool_state(pool) for pool in pools]


def pool_state(pool: GPUPool) -> PoolState:
    """Converts a GPUPool to what the planner takes.

    Args:
        pool: The GPUPool, with or without a status.

    Returns:
        The pool with its free GPUs and nodes where its status gives them.
    """
    status = pool.status
    if status is None:
        return PoolState(pool.name, pool.spec)
    return PoolState(pool.name, pool.spec, free=status.free, nodes=status.nodes)


def _load_pools(documents: Iterable[Any]) -> list[GPUPool]:
    return load_all(_flatten(documents)).pools


def _flatten(documents: Iterable[Any]) -> Iterator[Any]:
    """The documents, with lists replaced by their items and {name, spec} made a GPUPool."""
    for document in documents:
        if isinstance(document, Mapping) and str(document.get("kind", "")).endswith("List"):
            yield from _flatten(document.get("items") or [])
        elif isinstance(document, list):
            yield from _flatten(document)
        elif isinstance(document, Mapping) and "kind" not in document and "pools" in document:
            yield from _flatten([document["pools"] or []])
        elif isinstance(document, Mapping) and "kind" not in document and "spec" in document:
            name = {"name": document.get("name")}
            header = {"apiVersion": API_VERSION, "kind": "GPUPool", "metadata": name}
            yield {**header, "spec": document["spec"]}
        else:
            yield document
