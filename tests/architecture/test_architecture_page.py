"""The page on the architecture names every package and existing files; another page describes each package."""

import re

import pytest
from tests.kit.repository import ROOT, Member, members

PAGE = (ROOT / "ARCHITECTURE.md").read_text()
DESCRIPTIONS = (ROOT / "docs/contributing/packages.md").read_text()
LONGEST_PAGE = 110
"""Lines."""


def packages(member: Member) -> set[str]:
    root = member.package.parent
    return {
        init.parent.relative_to(root).as_posix() for init in member.package.rglob("__init__.py")
    }


def packages_on_the_page() -> list[str]:
    """The packages of the table: the first of a row by its path, the others by their paths below it."""
    found = []
    for row in re.findall(r"^\| `\w[\w/]*/` \|.*$", PAGE, re.MULTILINE):
        first, *below = re.findall(r"`([\w/]+)/`", row)
        found += [first, *(f"{first}/{each}" for each in below)]
    return found


@pytest.mark.parametrize("member", members(), ids=lambda member: member.name)
def test_every_package_has_a_line_on_the_architecture_page(member: Member) -> None:
    assert packages(member) - set(packages_on_the_page()) == set()


@pytest.mark.parametrize("member", members(), ids=lambda member: member.name)
def test_every_package_is_described(member: Member) -> None:
    described = set(re.findall(r"^\| `([\w/]+)/` \| \S.* \|$", DESCRIPTIONS, re.MULTILINE))
    assert packages(member) - described == set()


@pytest.mark.parametrize("page", [PAGE, DESCRIPTIONS], ids=["architecture", "packages"])
def test_every_package_on_a_page_exists_and_is_named_once(page: str) -> None:
    named = packages_on_the_page()
    if page == DESCRIPTIONS:
        named = re.findall(r"^\| `([\w/]+)/` \|", page, re.MULTILINE)
    assert len(named) > 50
    assert sorted(named) == sorted({name for member in members() for name in packages(member)})


def test_the_architecture_fits_on_a_page() -> None:
    assert len(PAGE.splitlines()) <= LONGEST_PAGE


def test_every_file_on_the_architecture_page_exists() -> None:
    prefixes = "|".join(re.escape(f"{member.name}/src/") for member in members())
    named = re.findall(rf"`((?:{prefixes})[^`]*)`", PAGE)
    assert named
    assert [path for path in named if not (ROOT / path).exists()] == []
