"""`hack/release check`: a tag is released only where versions and changelog agree with it."""

from __future__ import annotations

import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
from release_tools.versions import (
    CHANGELOG,
    CHART,
    OPERATOR_VERSION,
    PACKAGES,
    changelog_section,
    problems,
    set_version,
)
from tests.kit.repository import ROOT

VERSION = tomllib.loads((ROOT / "cli/pyproject.toml").read_text())["project"]["version"]


def check(tag: str) -> list[str]:
    """The problems that the check prints, without those about the changelog's date."""
    done = subprocess.run(
        [ROOT / "hack/release", "check", tag],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == (1 if done.stderr else 0)
    return [line.removeprefix("release: ") for line in done.stderr.splitlines()]


def test_packages_and_chart_have_one_version() -> None:
    assert [line for line in check(f"v{VERSION}") if "CHANGELOG" not in line] == []


def test_another_version_names_every_file_to_change() -> None:
    found = "\n".join(check("v99.0.0"))
    for file in (
        "api/pyproject.toml",
        "cli/pyproject.toml",
        "operator/src/dpojob_operator/process/version.py",
        "charts/dpojob/Chart.yaml",
        "CHANGELOG.md",
    ):
        assert file in found


@pytest.mark.parametrize("tag", ["1.2.3", "v1.2", "v1.2.3rc1", "latest"])
def test_a_tag_of_another_form_is_refused(tag: str) -> None:
    assert check(tag) == [f"the tag {tag} is not of the form v1.2.3 or v1.2.3-rc.1"]


def test_a_version_that_was_set_is_ready_for_its_tag(tmp_path: Path) -> None:
    for name in (
        *(f"{package}/pyproject.toml" for package in PACKAGES),
        OPERATOR_VERSION,
        CHART,
        CHANGELOG,
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    assert problems(tmp_path, "v99.1.0")
    set_version(tmp_path, "99.1.0")
    assert problems(tmp_path, "v99.1.0") == []
    assert changelog_section(tmp_path, "99.1.0").startswith("- ")
    assert changelog_section(tmp_path, "99.2.0") == ""
