"""Tests mirror the packages, and share only what lies in tests/kit."""

import re
from pathlib import Path

import pytest
from tests.kit.repository import ROOT, Member, members, tracked_files

KIT = ROOT / "tests/kit"

TESTS = {"trainer-image": "trainer"}
"""The folder of a member's tests, where it has another name than the member."""
HARNESSES = ("faults", "fuzz")
"""Folders that hold a program of their own beside tests."""
IMPORT = re.compile(
    r"^\s*(?:from|import) (?:tests(?:\.\w+)*)?\.?(?:test_\w+|conftest)", re.MULTILINE
)


@pytest.mark.parametrize("member", members(), ids=lambda member: member.name)
def test_every_package_has_a_folder_of_tests(member: Member) -> None:
    tests = ROOT / "tests" / TESTS.get(member.name, member.name)
    packages = [
        init.parent.relative_to(member.package) for init in member.package.rglob("__init__.py")
    ]
    untested = [str(each) for each in packages if not any((tests / each).rglob("test_*.py"))]
    assert untested == []


@pytest.mark.parametrize("member", members(), ids=lambda member: member.name)
def test_a_test_with_the_name_of_one_module_lies_in_the_folder_of_its_package(
    member: Member,
) -> None:
    tests = ROOT / "tests" / TESTS.get(member.name, member.name)
    folders: dict[str, list[Path]] = {}
    for module in member.modules():
        folder = module.parent.relative_to(member.package)
        folders.setdefault(f"test_{module.stem}", []).append(tests / folder)
    elsewhere = {
        str(test.relative_to(ROOT)): str(folders[test.stem][0].relative_to(ROOT))
        for test in tests.rglob("test_*.py")
        if len(folders.get(test.stem, ())) == 1
        # Or below it, where a package has more tests than a folder may.
        and not test.is_relative_to(folders[test.stem][0])
    }
    assert elsewhere == {}


def test_no_module_imports_from_a_test_or_a_conftest() -> None:
    modules = [
        path for folder in ("tests", "bench", "hack") for path in (ROOT / folder).rglob("*.py")
    ]
    found = {str(path): match[0] for path in modules for match in IMPORT.finditer(path.read_text())}
    assert found == {}


def test_helpers_lie_in_the_kit() -> None:
    tests = ROOT / "tests"
    names = ("test_*.py", "conftest.py", "__init__.py")

    def is_helper(path: Path) -> bool:
        part = path.relative_to(tests).parts[0]
        return part not in ("kit", *HARNESSES) and not any(map(path.match, names))

    assert [str(path.relative_to(ROOT)) for path in tests.rglob("*.py") if is_helper(path)] == []


def test_every_shared_helper_has_a_row_in_the_readme_of_the_tests() -> None:
    readme = (ROOT / "tests/README.md").read_text()
    cells = re.findall(r"^\| (`[^|]+`) \|", readme, re.MULTILINE)
    listed = {name for cell in cells for name in re.findall(r"`(\w+)", cell)}
    kit = [path for path in tracked_files() if path.is_relative_to(KIT)]
    helpers = {path.relative_to(KIT).parts[0].removesuffix(".py") for path in kit}
    assert listed == {name for name in helpers if not name.startswith(("__", "test_"))}
