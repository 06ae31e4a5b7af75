from collections.abc import Callable
from functools import cache
from graphlib import CycleError, TopologicalSorter

import grimp
import pytest

from .repository import rooms

Graph = dict[str, set[str]]
"""By node, the nodes that it imports."""

PACKAGES = [room.package.name for room in rooms()]


@cache
def modules(package: str) -> grimp.ImportGraph:
    return grimp.build_graph(package)


def grouped(package: str, group: Callable[[str], str]) -> Graph:
    """The imports between groups of a package's modules."""
    imports = modules(package)
    graph: Graph = {}
    for module in imports.modules:
        imported = {group(name) for name in imports.find_modules_directly_imported_by(module)}
        graph.setdefault(group(module), set()).update(imported - {group(module)})
    return graph


def levels(graph: Graph) -> int:
    """The number of nodes on the longest chain of imports."""
    height: dict[str, int] = {}
    for node in TopologicalSorter(graph).static_order():
        height[node] = 1 + max((height[other] for other in graph[node]), default=0)
    return max(height.values())


@pytest.mark.parametrize("package", PACKAGES)
def test_no_modules_import_each_other_in_a_cycle(package: str) -> None:
    try:
        TopologicalSorter(grouped(package, lambda module: module)).prepare()
    except CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))


def innermost_package(module: str) -> str:
    """The package that holds a module; training counts as one, being one process."""
    training = "dpojob_trainer.training"
    if module == training or module.startswith(f"{training}."):
        return training
    is_package = bool(modules("dpojob_trainer").find_children(module))
    return module if is_package else module.rpartition(".")[0]


def test_the_trainers_packages_are_few_and_in_few_levels() -> None:
    graph = grouped("dpojob_trainer", innermost_package)
    assert len(graph) <= 16
    assert sum(map(len, graph.values())) <= 45
    assert levels(graph) <= 8


def test_the_operators_packages_are_few_and_in_few_levels() -> None:
    graph = grouped("dpojob_operator", lambda module: ".".join(module.split(".")[:2]))
    graph.pop("dpojob_operator")
    assert len(graph) <= 8
    assert levels(graph) <= 6
