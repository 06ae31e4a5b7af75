import re
import sys
from collections.abc import Iterable
from functools import cache
from importlib import metadata
from pathlib import Path

import pytest
from tests.kit.repository import ROOT, Member, members, top_level_imports, tracked_files

SCRIPTS = ("bench", "docs", "examples", "hack", "tests")
"""The folders of Python files that belong to no member of the workspace."""


def normalized(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


@cache
def distributions() -> dict[str, set[str]]:
    """The distributions that provide an import name, by that name."""
    found = {name: set(owners) for name, owners in metadata.packages_distributions().items()}
    return {name: {normalized(owner) for owner in owners} for name, owners in found.items()}


def names(requirements: Iterable[str]) -> set[str]:
    return {normalized(re.split(r"[\s\[<>=!~;]", line)[0]) for line in requirements}


def declared(member: Member) -> set[str]:
    requirements = list(member.project.get("dependencies", []))
    for extra in member.project.get("optional-dependencies", {}).values():
        requirements += extra
    return names(requirements)


@pytest.mark.parametrize("member", members(), ids=lambda member: member.name)
def test_a_member_declares_every_distribution_that_it_imports(member: Member) -> None:
    allowed = declared(member)
    missing = {}
    for module in member.modules():
        for name in top_level_imports(module) - {member.package.name} - sys.stdlib_module_names:
            # An editable install of the workspace is not listed by import name.
            owners = distributions().get(name) or {
                other.project["name"] for other in members() if other.package.name == name
            }
            if not owners & allowed:
                missing.setdefault(name, str(module.relative_to(member.folder)))
    assert missing == {}


def script_folder(path: Path) -> str:
    return path.relative_to(ROOT).parts[0]


def scripts() -> list[Path]:
    return [
        path for path in tracked_files() if path.suffix == ".py" and script_folder(path) in SCRIPTS
    ]


def test_every_python_file_belongs_to_a_member_or_to_a_folder_of_scripts() -> None:
    folders = {script_folder(path) for path in tracked_files() if path.suffix == ".py"}
    assert folders == {*SCRIPTS, *(member.name for member in members())}


def test_tests_and_scripts_import_what_a_member_or_the_tools_declare() -> None:
    allowed = names((ROOT / "locks/tools.in").read_text().split())
    allowed |= {name for member in members() for name in declared(member)}
    # A script of hack imports what lies beside it by its plain name.
    beside = {path.stem for path in scripts() if script_folder(path) == "hack"}
    beside |= {path.parent.name for path in scripts() if script_folder(path) == "hack"}
    ours = beside | {*SCRIPTS} | {member.package.name for member in members()}
    missing: dict[str, str] = {}
    for module in scripts():
        for name in top_level_imports(module) - ours - sys.stdlib_module_names:
            if not distributions().get(name, set()) & allowed:
                missing.setdefault(name, str(module.relative_to(ROOT)))
    assert missing == {}


@pytest.mark.parametrize("member", members(), ids=lambda member: member.name)
def test_uv_sources_name_the_workspace_members_that_a_member_requires(member: Member) -> None:
    ours = {other.project["name"] for other in members()}
    needed = {name for name in declared(member) if name in ours}
    assert member.sources == needed
