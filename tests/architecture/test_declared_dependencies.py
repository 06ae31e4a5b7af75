import re
import sys
from functools import cache
from importlib import metadata

import pytest

from .repository import Room, rooms, top_level_imports


def normalized(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


@cache
def distributions() -> dict[str, set[str]]:
    """By import name, the distributions that provide it."""
    found = {name: set(owners) for name, owners in metadata.packages_distributions().items()}
    return {name: {normalized(owner) for owner in owners} for name, owners in found.items()}


def declared(room: Room) -> set[str]:
    requirements = list(room.project.get("dependencies", []))
    for extra in room.project.get("optional-dependencies", {}).values():
        requirements += extra
    return {normalized(re.split(r"[\s\[<>=!~;]", line)[0]) for line in requirements}


@pytest.mark.parametrize("room", rooms(), ids=lambda room: room.name)
def test_a_room_declares_every_distribution_that_it_imports(room: Room) -> None:
    allowed = declared(room)
    missing = {}
    for module in room.modules():
        for name in top_level_imports(module) - {room.package.name} - sys.stdlib_module_names:
            # An editable install of the workspace is not listed by import name.
            owners = distributions().get(name) or {
                other.project["name"] for other in rooms() if other.package.name == name
            }
            if not owners & allowed:
                missing.setdefault(name, str(module.relative_to(room.folder)))
    assert missing == {}


@pytest.mark.parametrize("room", rooms(), ids=lambda room: room.name)
def test_uv_sources_name_the_workspace_members_that_a_room_requires(room: Room) -> None:
    ours = {other.project["name"] for other in rooms()}
    needed = {name for name in declared(room) if name in ours}
    assert room.sources == needed
