import re

import pytest

from .repository import ROOT, Room, rooms

PAGE = (ROOT / "ARCHITECTURE.md").read_text()


@pytest.mark.parametrize("room", rooms(), ids=lambda room: room.name)
def test_every_package_has_a_line_on_the_architecture_page(room: Room) -> None:
    packages = [init.parent for init in room.package.rglob("__init__.py")]
    paths = [package.relative_to(room.package.parent).as_posix() for package in packages]
    missing = [path for path in paths if f"`{path}/`" not in PAGE]
    assert missing == []


def test_every_package_on_the_architecture_page_exists() -> None:
    roots = {room.package.name: room.package.parent for room in rooms()}
    for line in PAGE.splitlines():
        if line.startswith("| `") and line.split("`")[1].endswith("/"):
            path = line.split("`")[1]
            root = roots[path.split("/")[0]]
            assert (root / path / "__init__.py").is_file(), path


def test_every_file_on_the_architecture_page_exists() -> None:
    prefixes = "|".join(re.escape(f"{room.name}/src/") for room in rooms())
    named = re.findall(rf"`((?:{prefixes})[^`]*)`", PAGE)
    assert named
    assert [path for path in named if not (ROOT / path).exists()] == []
