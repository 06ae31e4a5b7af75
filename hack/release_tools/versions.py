"""Where the version of a release is named: checked against a tag, and written for a new version."""

from __future__ import annotations

import datetime
import re
import tomllib
from pathlib import Path
from typing import Any

import yaml

PACKAGES = ("api", "planner", "operator", "trainer-image", "cli")
"""The workspace members that are published; devcluster is for this repository's own tests and demo."""
OPERATOR_VERSION = "operator/src/dpojob_operator/process/version.py"
CHART = "charts/dpojob/Chart.yaml"
CHANGELOG = "CHANGELOG.md"
TAG = re.compile(r"v\d+\.\d+\.\d+(-[a-z]+\.\d+)?")


def problems(root: Path, tag: str) -> list[str]:
    """What keeps a checkout from being released under a tag.

    Args:
        root: The checkout.
        tag: The tag, such as `v0.1.0`.

    Returns:
        A sentence for each problem.
    """
    if not TAG.fullmatch(tag):
        return [f"the tag {tag} is not of the form v1.2.3 or v1.2.3-rc.1"]
    version = tag.removeprefix("v")
    found = []
    for package in PACKAGES:
        project = tomllib.loads((root / package / "pyproject.toml").read_text())["project"]
        if project["version"] != version:
            found.append(
                f"{package}/pyproject.toml has version {project['version']}, not {version}"
            )
        found += [
            f"{package}/pyproject.toml requires {requirement}, not version {version}"
            for requirement in _internal_requirements(project)
            if not requirement.endswith(f"=={version}")
        ]
    if f'VERSION = "{version}"\n' not in (root / OPERATOR_VERSION).read_text():
        found.append(f"{OPERATOR_VERSION} has another VERSION than {version}")
    chart = yaml.safe_load((root / CHART).read_text())
    found += [
        f"{CHART} has {field} {chart[field]}, not {version}"
        for field in ("version", "appVersion")
        if str(chart[field]) != version
    ]
    if not changelog_section(root, version):
        found.append(f"{CHANGELOG} has no section '## {version}, YYYY-MM-DD'")
    return found


def changelog_section(root: Path, version: str) -> str:
    """The lines of the changelog on a version that has a date.

    Args:
        root: The checkout.
        version: Without a leading `v`.

    Returns:
        Markdown without the section's heading; empty where there is none.
    """
    heading = rf"## {re.escape(version)}, \d{{4}}-\d\d-\d\d"
    section = re.search(
        rf"^{heading}\n(.*?)(?=^## |\Z)", (root / CHANGELOG).read_text(), re.MULTILINE | re.DOTALL
    )
    return section[1].strip() + "\n" if section else ""


def set_version(root: Path, version: str) -> None:
    """Writes a version everywhere it is named, and today's date to the unreleased section of the changelog.

    Args:
        root: The checkout.
        version: Without a leading `v`.
    """
    for package in PACKAGES:
        replace = [
            (r'^version = ".*"$', f'version = "{version}"'),
            (r'"(dpojob[\w-]*(?:\[\w+\])?)==[^"]*"', rf'"\1=={version}"'),
        ]
        _rewrite(root / package / "pyproject.toml", replace)
    _rewrite(root / OPERATOR_VERSION, [(r'^VERSION = ".*"$', f'VERSION = "{version}"')])
    _rewrite(root / CHART, [(r"^(version|appVersion): .*$", rf"\1: {version}")])
    today = datetime.datetime.now(datetime.UTC).date()
    _rewrite(root / CHANGELOG, [(r"^## \S+, unreleased$", f"## {version}, {today}")])


def _rewrite(path: Path, replacements: list[tuple[str, str]]) -> None:
    text = path.read_text()
    for pattern, replacement in replacements:
        text = re.sub(pattern, replacement, text, flags=re.MULTILINE)
    path.write_text(text)


def _internal_requirements(project: dict[str, Any]) -> list[str]:
    """The requirements of a package on others of the workspace, as its pyproject.toml writes them."""
    requirements = list(project.get("dependencies", []))
    for extra in project.get("optional-dependencies", {}).values():
        requirements += extra
    return [line for line in requirements if line.startswith("dpojob")]
