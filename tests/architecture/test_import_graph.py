import ast
from collections.abc import Callable, Iterator
from configparser import ConfigParser
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import grimp
import pytest
from tests.kit.repository import ROOT, members

Graph = dict[str, set[str]]
"""The nodes that a node imports, by node."""

PACKAGES = [member.package.name for member in members()]


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


def cycle(graph: Graph) -> list[str]:
    """The nodes of a cycle; empty where there is none."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        found: list[str] = error.args[1]
        return found
    return []


@pytest.mark.parametrize("package", PACKAGES)
def test_no_modules_of_a_member_import_each_other_in_a_cycle(package: str) -> None:
    assert cycle(grouped(package, lambda module: module)) == []


def imported_names(file: Path, package: str) -> Iterator[str]:
    """Absolute names of what a file imports, also inside functions; for a name that is imported from a module, that module too."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parts = package.split(".")
            above = parts[: len(parts) + 1 - node.level] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            names = [f"{base}.{alias.name}" for alias in node.names]
            yield from names if node.module is None else [base, *names]


def script_imports(folder: str) -> Graph:
    """The imports between the Python files of a folder that is no installed package.

    A script also imports by the plain name what lies beside it.
    """
    files = {
        ".".join(path.relative_to(ROOT).with_suffix("").parts): path
        for path in (ROOT / folder).rglob("*.py")
    }
    modules = {name.removesuffix(".__init__"): path for name, path in files.items()}
    graph: Graph = {}
    for name, path in modules.items():
        package = ".".join(path.relative_to(ROOT).parent.parts)
        names = set(imported_names(path, package))
        names |= {f"{package}.{each}" for each in names}
        graph[name] = (names & modules.keys()) - {name}
    return graph


@pytest.mark.parametrize("folder", ["bench", "hack", "tests/kit"])
def test_no_scripts_and_helpers_import_each_other_in_a_cycle(folder: str) -> None:
    graph = script_imports(folder)
    assert any(graph.values())
    assert cycle(graph) == []


def packages(package: str) -> Graph:
    """The imports between the innermost packages of a package's modules."""
    imports = modules(package)

    def innermost(module: str) -> str:
        return module if imports.find_children(module) else module.rpartition(".")[0]

    return grouped(package, innermost)


@pytest.mark.parametrize("package", ["dpojob_trainer", "dpojob_operator"])
def test_no_packages_of_the_trainer_and_the_operator_import_each_other_in_a_cycle(
    package: str,
) -> None:
    assert cycle(packages(package)) == []


def trainer_parts(apart: str) -> Graph:
    """The imports between the trainer's packages, with the package `apart` taken apart into what it holds.

    A module that lies beside packages is a part of its own.
    """

    def part(module: str) -> str:
        names = module.split(".")
        return ".".join(names[: 3 if names[1:2] == [apart] else 2])

    graph = grouped("dpojob_trainer", part)
    graph.pop("dpojob_trainer")
    return graph


@pytest.mark.parametrize("apart", ["inspection", "training"])
def test_the_trainers_parts_are_few_and_in_few_levels(apart: str) -> None:
    graph = trainer_parts(apart)
    # Layouts lie below columns and validation, the scan of a dataset between the pipeline and its packages.
    assert len(graph) <= 16
    assert sum(map(len, graph.values())) <= 45
    assert levels(graph) <= 8


def test_the_operators_packages_are_few_and_in_few_levels() -> None:
    graph = grouped("dpojob_operator", lambda module: ".".join(module.split(".")[:2]))
    graph.pop("dpojob_operator")
    assert len(graph) <= 8
    assert levels(graph) <= 6


def test_every_package_has_a_contract_on_the_layers_of_its_modules() -> None:
    config = ConfigParser()
    config.read(ROOT / ".importlinter")
    contracts = [config[section] for section in config.sections() if ":contract:" in section]
    ordered = {
        contract["containers"]
        for contract in contracts
        if contract["type"] == "layers" and contract.getboolean("exhaustive")
    }
    graphs = [modules(package) for package in PACKAGES]
    several = {m for graph in graphs for m in graph.modules if len(graph.find_children(m)) > 1}
    assert ordered == several
