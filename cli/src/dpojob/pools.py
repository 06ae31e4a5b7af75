"""The pools a job is planned on with no cluster: the chart's catalogue, or a file's."""

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
from .yaml_loader import parse, read_text


def default_pools() -> list[PoolState]:
    """The chart's default catalogue; what is free is not known."""
    text = files(__package__).joinpath("default_pools.json").read_text(encoding="utf-8")
    return [_state(pool) for pool in _pools([json.loads(text)])]


def pools_from_file(file: str) -> list[PoolState]:
    """The pools in a file: GPUPools, `kubectl get gpupools -o yaml`, or the chart's list of pools.

    Raises CommandError.
    """
    try:
        pools = _pools([document.value for document in parse(read_text(file))])
    except ManifestError as error:
        problems = "\n".join(f"  {problem.message}" for problem in error.problems)
        raise CommandError(f"{file} holds no valid pools:\n{problems}") from error
    if not pools:
        raise CommandError(f"{file} holds no GPUPool; a list of {{name, spec}} will do as well")
    return [_state(pool) for pool in pools]


def states(pools: Iterable[GPUPool]) -> list[PoolState]:
    """GPUPools as the planner takes them."""
    return [_state(pool) for pool in pools]


def _pools(documents: Iterable[Any]) -> list[GPUPool]:
    return load_all(_spread(documents)).pools


def _spread(documents: Iterable[Any]) -> Iterator[Any]:
    for document in documents:
        if isinstance(document, Mapping) and str(document.get("kind", "")).endswith("List"):
            yield from _spread(document.get("items") or [])
        elif isinstance(document, list):
            yield from _spread(document)
        elif isinstance(document, Mapping) and "kind" not in document and "spec" in document:
            name = {"name": document.get("name")}
            head = {"apiVersion": API_VERSION, "kind": "GPUPool", "metadata": name}
            yield {**head, "spec": document["spec"]}
        else:
            yield document


def _state(pool: GPUPool) -> PoolState:
    status = pool.status
    if status is None:
        return PoolState(pool.name, pool.spec)
    return PoolState(pool.name, pool.spec, free=status.free, nodes=status.nodes)
