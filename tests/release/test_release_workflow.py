"""The release workflow: its commands are those that `hack/release --local` runs, its images those that the chart names."""

from __future__ import annotations

import re

import pytest
import yaml
from tests.kit.repository import ROOT

WORKFLOW = (ROOT / ".github/workflows/release.yaml").read_text()
VALUES = yaml.safe_load((ROOT / "charts/dpojob/values.yaml").read_text())
JOBS = yaml.safe_load(WORKFLOW)["jobs"]


@pytest.mark.parametrize("command", ["build", "push-chart"])
def test_a_local_release_runs_the_commands_of_the_workflow(command: str) -> None:
    assert len(re.findall(rf"hack/release {command} ", WORKFLOW)) == 1
    local = (ROOT / "hack/release_tools/local_release.py").read_text()
    assert len(re.findall(rf"run\(release, ['\"]{command}['\"]", local)) == 1


def test_images_have_the_names_and_the_tag_that_the_chart_pulls() -> None:
    rows = JOBS["images"]["strategy"]["matrix"]["include"]
    pushed = [row["name"] for row in rows if "variant" not in row]
    pulled = {VALUES["images"][role]["repository"] for role in ("operator", "inspect", "trainer")}
    assert sorted(pushed) == sorted(repository.rpartition("/")[2] for repository in pulled)
    (build,) = [step["with"] for step in JOBS["images"]["steps"] if step.get("id") == "build"]
    assert (
        build["tags"]
        == "${{ env.IMAGES }}/${{ matrix.name }}:${{ env.VERSION }}${{ matrix.variant }}"
    )
    assert 'VERSION=${GITHUB_REF_NAME#v}"' in WORKFLOW


def test_the_variants_of_the_trainer_image_are_built_by_arguments_of_its_dockerfile() -> None:
    dockerfile = (ROOT / "trainer-image/Dockerfile").read_text()
    rows = [row for row in JOBS["images"]["strategy"]["matrix"]["include"] if "variant" in row]
    assert [row["variant"] for row in rows] == ["-cpu"]
    for row in rows:
        assert row["target"] == "train" and row["platforms"] == "linux/amd64"
        arguments = dict(line.split("=", 1) for line in row["arguments"].splitlines())
        assert arguments["ACCELERATOR"] == "cpu" and arguments["TORCH_INDEX"].endswith("/whl/cpu")
        assert all(f"ARG {name}=" in dockerfile for name in arguments)
    (build,) = [step["with"] for step in JOBS["images"]["steps"] if step.get("id") == "build"]
    assert "${{ matrix.arguments }}" in build["build-args"]


@pytest.mark.parametrize("name", ["images", "publish"])
def test_cosign_has_dockers_credentials_of_the_registry_that_it_signs_in(name: str) -> None:
    """cosign does not read the credentials of `helm registry login`."""
    steps = JOBS[name]["steps"]
    logins = [n for n, step in enumerate(steps) if "docker/login-action" in step.get("uses", "")]
    signing = [n for n, step in enumerate(steps) if "cosign sign" in step.get("run", "")]
    assert logins and signing and min(logins) < min(signing)
