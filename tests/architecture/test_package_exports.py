"""A package's `__init__` exports its public names in `__all__`, and others import these from the package."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from .repository import ROOT, Room, rooms

USERS = ["tests", "hack", "bench", "examples"]
"""Folders beside the rooms whose modules import the rooms' packages."""


def dotted(room: Room, path: Path) -> str:
    """The import name of a module or package folder."""
    relative = path.relative_to(room.package.parent).with_suffix("")
    parts = [part for part in relative.parts if part != "__init__"]
    return ".".join(parts)


def bound(tree: ast.Module) -> Iterator[str]:
    """Public names that an `__init__` imports or defines."""
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and node.module != "__future__":
            yield from (alias.asname or alias.name for alias in node.names)
        elif isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            yield node.name


def exported(tree: ast.Module) -> set[str]:
    """The names in `__all__`."""
    for node in tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return set(ast.literal_eval(node.value))
    return set()


def packages() -> dict[str, ast.Module]:
    """By import name, the parsed `__init__` of every package."""
    return {
        dotted(room, init): ast.parse(init.read_text())
        for room in rooms()
        for init in room.package.rglob("__init__.py")
    }


@pytest.mark.parametrize(("package", "tree"), packages().items(), ids=list(packages()))
def test_a_package_exports_all_that_its_init_binds(package: str, tree: ast.Module) -> None:
    assert set(bound(tree)) == exported(tree)


def absolute_imports(module: Path) -> Iterator[tuple[str, str]]:
    """Module and name of each absolute `from module import name`."""
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield from ((node.module, alias.name) for alias in node.names)


def modules() -> Iterator[tuple[Path, str]]:
    """Every module with the import name of the package it is in; none beside the rooms."""
    for room in rooms():
        for module in room.modules():
            yield module, dotted(room, module.parent)
    for folder in USERS:
        for module in (ROOT / folder).rglob("*.py"):
            yield module, ""


def test_an_exported_name_is_imported_from_its_package() -> None:
    names = {package: exported(tree) for package, tree in packages().items()}
    found = [
        f"{module.relative_to(ROOT)}: from {source} import {name}"
        for module, inside in modules()
        for source, name in absolute_imports(module)
        if source not in names
        and name in names.get(owner := source.rpartition(".")[0], ())
        and not f"{inside}.".startswith(f"{owner}.")
    ]
    assert found == []
