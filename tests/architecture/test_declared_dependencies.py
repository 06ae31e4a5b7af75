import re
import sys
from functools import cache
from importlib import metadata

import pytest
from tests.kit.repository import Member, members, top_level_imports


def normalized(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


@cache
def distributions() -> dict[str, set[str]]:
    """The distributions that provide an import name, by that name."""
    found = {name: set(owners) for name, owners in metadata.packages_distributions().items()}
    return {name: {normalized(owner) for owner in owners} for name, owners in found.items()}


def declared(member: Member) -> set[str]:
    requirements = list(member.project.get("dependencies", []))
    for extra in member.project.get("optional-dependencies", {}).values():
        requirements += extra
    return {normalized(re.split(r"[\s\[<>=!~;]", line)[0]) for line in requirements}


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


@pytest.mark.parametrize("member", members(), ids=lambda member: member.name)
def test_uv_sources_name_the_workspace_members_that_a_member_requires(member: Member) -> None:
    ours = {other.project["name"] for other in members()}
    needed = {name for name in declared(member) if name in ours}
    assert member.sources == needed
