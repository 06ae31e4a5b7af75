"""`__all__` of a package holds its public names and modules, and code outside imports nothing else of it."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.kit.repository import ROOT, Member, members

USERS = ["tests", "hack", "bench", "examples"]
"""Folders beside the members whose modules import the members' packages."""


def dotted(member: Member, path: Path) -> str:
    """The import name of a module or package folder."""
    relative = path.relative_to(member.package.parent).with_suffix("")
    parts = [part for part in relative.parts if part != "__init__"]
    return ".".join(parts)


def bound(tree: ast.Module) -> set[str]:
    """Public names that an `__init__` imports or defines; those for type checking it gives on first use."""
    names: set[str] = set()
    lazy = [node for node in tree.body if isinstance(node, ast.If)]
    for node in [*tree.body, *(inner for each in lazy for inner in each.body)]:
        if isinstance(node, ast.ImportFrom) and node.module != "__future__":
            names.update(alias.asname or alias.name for alias in node.names)
        elif isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            names.add(node.name)
    return names


def exported(tree: ast.Module) -> set[str] | None:
    """The names in `__all__`, or None without one."""
    for node in tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return set(ast.literal_eval(node.value))
    return None


INITS = {
    dotted(member, path): path
    for member in members()
    for path in member.package.rglob("__init__.py")
}
TREES = {package: ast.parse(path.read_text()) for package, path in INITS.items()}
EXPORTED = {package: exported(tree) or set() for package, tree in TREES.items()}
"""The names in the `__all__` of a package, by package."""
MODULES = {dotted(member, path): path for member in members() for path in member.modules()}


@pytest.mark.parametrize("package", INITS)
def test_a_package_exports_its_names_and_modules_in_all(package: str) -> None:
    names = exported(TREES[package])
    assert names is not None
    assert bound(TREES[package]) <= names
    assert {f"{package}.{name}" for name in names - bound(TREES[package])} <= MODULES.keys()


def importers() -> Iterator[tuple[Path, str]]:
    """Every module with the import name of the package it is in; none beside the members."""
    for module, path in MODULES.items():
        yield path, module if module in INITS else module.rpartition(".")[0]
    for folder in USERS:
        for path in (ROOT / folder).rglob("*.py"):
            yield path, ""


def imports_from_other_packages(module: Path, inside: str) -> Iterator[tuple[str, str, str]]:
    """Package, module and name of each `from package.module import name` whose package does not hold the importer.

    The module is empty where a name is imported from the package itself.
    """
    for node in ast.walk(ast.parse(module.read_text())):
        if not isinstance(node, ast.ImportFrom) or node.level or not node.module:
            continue
        for alias in node.names:
            whole = f"{node.module}.{alias.name}"
            source = whole if whole in MODULES and whole not in INITS else node.module
            package, _, leaf = (source, "", "") if source in INITS else source.rpartition(".")
            if package in INITS and not f"{inside}.".startswith(f"{package}."):
                yield package, leaf, alias.name


def test_an_exported_name_is_imported_from_its_package() -> None:
    found = [
        f"{path.relative_to(ROOT)}: from {package}.{module} import {name}"
        for path, inside in importers()
        for package, module, name in imports_from_other_packages(path, inside)
        if module and name != module and name in EXPORTED[package] - {module}
    ]
    assert found == []


def test_a_member_imports_only_exported_names_and_modules_of_a_package() -> None:
    found = {
        f"{path.relative_to(ROOT)}: {package}.{module or name}"
        for path, inside in importers()
        for package, module, name in imports_from_other_packages(path, inside)
        if inside and f"{package}.{name}" not in INITS
        if (module or name) not in EXPORTED[package]
    }
    assert found == set()
