import re

import pytest
from tests.kit.repository import ROOT, Member, members

PAGE = (ROOT / "ARCHITECTURE.md").read_text()


@pytest.mark.parametrize("member", members(), ids=lambda member: member.name)
def test_every_package_has_a_line_on_the_architecture_page(member: Member) -> None:
    packages = [init.parent for init in member.package.rglob("__init__.py")]
    paths = [package.relative_to(member.package.parent).as_posix() for package in packages]
    missing = [path for path in paths if f"`{path}/`" not in PAGE]
    assert missing == []


def test_every_package_on_the_architecture_page_exists() -> None:
    roots = {member.package.name: member.package.parent for member in members()}
    for line in PAGE.splitlines():
        if line.startswith("| `") and line.split("`")[1].endswith("/"):
            path = line.split("`")[1]
            root = roots[path.split("/")[0]]
            assert (root / path / "__init__.py").is_file(), path


def test_every_file_on_the_architecture_page_exists() -> None:
    prefixes = "|".join(re.escape(f"{member.name}/src/") for member in members())
    named = re.findall(rf"`((?:{prefixes})[^`]*)`", PAGE)
    assert named
    assert [path for path in named if not (ROOT / path).exists()] == []
