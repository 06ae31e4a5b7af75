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


def packages(package: str) -> Graph:
    """The imports between the innermost packages of a package's modules.

    A package that has no modules of its own, and whose `__init__` only exports names of the packages
    inside it, is left out: nothing inside the image imports it.
    """
    imports = modules(package)
    is_package = {name: bool(imports.find_children(name)) for name in imports.modules}

    def innermost(module: str) -> str:
        return module if is_package[module] else module.rpartition(".")[0]

    graph = grouped(package, innermost)
    only_exports = {
        name
        for name in graph
        if all(is_package[child] for child in imports.find_children(name))
        and not any(name in imported for imported in graph.values())
    }
    return {name: imported for name, imported in graph.items() if name not in only_exports}


@pytest.mark.parametrize("package", ["dpojob_trainer", "dpojob_operator"])
def test_no_packages_import_each_other_in_a_cycle(package: str) -> None:
    try:
        TopologicalSorter(packages(package)).prepare()
    except CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))


def trainer_parts() -> Graph:
    """The imports between the trainer's packages, with inspection taken apart into what it holds.

    A module that lies beside packages is a part of its own.
    """

    def part(module: str) -> str:
        names = module.split(".")
        return ".".join(names[: 3 if names[1:2] == ["inspection"] else 2])

    graph = grouped("dpojob_trainer", part)
    graph.pop("dpojob_trainer")
    return graph


@pytest.mark.parametrize(
    "graph", [packages("dpojob_trainer"), trainer_parts()], ids=["packages", "parts"]
)
def test_the_trainers_packages_are_few_and_in_few_levels(graph: Graph) -> None:
    # The evaluation is one package and one level of training: it runs after the export, and launch calls it.
    assert len(graph) <= 17
    assert sum(map(len, graph.values())) <= 45
    assert levels(graph) <= 9


def test_the_operators_packages_are_few_and_in_few_levels() -> None:
    graph = grouped("dpojob_operator", lambda module: ".".join(module.split(".")[:2]))
    graph.pop("dpojob_operator")
    assert len(graph) <= 8
    assert levels(graph) <= 6
