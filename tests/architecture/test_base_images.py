"""What the images are built on is fixed by digest, is the Python that the tests run with, and each image has its labels."""

import re

import pytest
from tests.kit.repository import ROOT

DOCKERFILES = ["Dockerfile", "trainer-image/Dockerfile"]
WORKFLOW = (ROOT / ".github/workflows/release.yaml").read_text()
BASE = re.compile(r"^ARG BASE_IMAGE=python:(\d+\.\d+)-\S+@sha256:[0-9a-f]{64}$", re.MULTILINE)


@pytest.mark.parametrize("name", DOCKERFILES)
def test_an_image_is_built_on_a_digest(name: str) -> None:
    assert len(BASE.findall((ROOT / name).read_text())) == 1


@pytest.mark.parametrize("name", DOCKERFILES)
def test_an_image_has_the_python_that_the_lock_is_made_for(name: str) -> None:
    (python,) = BASE.findall((ROOT / name).read_text())
    assert f"--python-version {python} " in (ROOT / "hack/lock").read_text()


@pytest.mark.parametrize("name", DOCKERFILES)
def test_every_stage_of_an_image_begins_with_that_base_or_another_stage(name: str) -> None:
    text = (ROOT / name).read_text()
    stages = re.findall(r"^FROM (\S+)(?: AS (\S+))?$", text, re.MULTILINE)
    known = {"${BASE_IMAGE}"} | {own for _, own in stages}
    assert stages and {source for source, _ in stages} <= known


@pytest.mark.parametrize("name", DOCKERFILES)
def test_every_image_has_the_labels_of_oci(name: str) -> None:
    stages = (ROOT / name).read_text().split("\nFROM ")[1:]
    images = [stage for stage in stages if "\nENTRYPOINT " in stage]
    assert images
    titles = set()
    for stage in images:
        labels = dict(re.findall(r'org\.opencontainers\.image\.(\w+)="([^"]+)"', stage))
        keys = {"title", "description", "licenses", "source", "version", "revision"}
        assert set(labels) == keys and labels["licenses"] == "Apache-2.0"
        titles.add(labels["title"])
        for argument in ("SOURCE", "VERSION", "REVISION"):
            assert f"ARG {argument}=" in stage and labels[argument.lower()] == f"${argument}"
            assert f"            {argument}=${{{{ " in WORKFLOW
    assert len(titles) == len(images)
