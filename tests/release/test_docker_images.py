"""`docker build` alone builds the images that need no torch, and they run: Debian's Docker engine, BuildKit."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.kit.images.docker_engine import BASE, DockerEngine, NoEngine, docker_engine
from tests.kit.images.documented_sizes import assert_documented
from tests.kit.inspection.word_model import write_word_model
from tests.kit.repository import ROOT

from dpojob_api.constants import (
    INPUT_MANIFEST,
    INPUT_VOLUMES,
    INPUTS_ROOT,
    VOLUMES_ROOT,
    ExitCode,
)

sys.path.insert(0, str(ROOT / "hack"))

from images import IMAGES

pytestmark = pytest.mark.e2e

NOT_CONFIGURED = "dpojob-operator: DPOJOB_OPERATOR_INSPECT_IMAGE is not set"
"""What the operator ends with when nothing configures it, as the chart does."""
PAIRS = [
    {"question": "Is it?", "good": "yes", "bad": "no"},
    {"question": "So?", "good": "no", "bad": ""},
]
SPEC = {
    "model": {"volume": {"claimName": "data", "path": "model"}},
    "dataset": {
        "volume": {"claimName": "data", "path": "pairs.jsonl"},
        "columnMapping": {"prompt": "question", "chosen": "good", "rejected": "bad"},
    },
}


@pytest.fixture(scope="module")
def docker() -> Iterator[DockerEngine]:
    try:
        with docker_engine() as engine:
            engine.load_base()
            yield engine
    except NoEngine as error:
        pytest.skip(str(error))


def options(role: str, *arguments: str) -> list[str]:
    image = IMAGES[role]
    chosen = ["--network", "host", "--tag", image.name, "--file", str(ROOT / image.dockerfile)]
    for argument in (f"BASE_IMAGE={BASE}", *arguments):
        chosen += ["--build-arg", argument]
    return chosen + (["--target", image.target] if image.target else [])


def build(docker: DockerEngine, role: str, *arguments: str) -> str:
    docker("build", *options(role, *arguments), ROOT)
    return IMAGES[role].name


def assert_size(docker: DockerEngine, name: str, role: str) -> None:
    assert_documented(role, int(docker("image", "inspect", "--format", "{{.Size}}", name)))


def test_the_operator_is_built_and_starts(docker: DockerEngine) -> None:
    name = build(docker, "operator")
    assert_size(docker, name, "operator")
    done = docker.attempt("run", "--rm", "--network", "none", "--read-only", name)
    assert (done.returncode, done.stdout.splitlines()) == (2, [NOT_CONFIGURED])


def test_the_inspection_is_built_and_inspects(docker: DockerEngine, tmp_path: Path) -> None:
    name = build(docker, "inspect")
    assert_size(docker, name, "inspect")
    write_word_model(tmp_path / "data/model")
    (tmp_path / "data/pairs.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in PAIRS))
    inputs = tmp_path / "inputs"
    inputs.mkdir()
    (inputs / INPUT_MANIFEST).write_text(json.dumps({"metadata": {"name": "job"}, "spec": SPEC}))
    (inputs / INPUT_VOLUMES).write_text(json.dumps({"data": f"{VOLUMES_ROOT}/data"}))
    for path in (tmp_path, *tmp_path.rglob("*")):
        path.chmod(path.stat().st_mode | 0o055)  # The container's user is another one.
    done = docker.attempt(
        "run", "--rm", "--network", "none", "--read-only", "--tmpfs", "/tmp:mode=1777",
        "--env", "DPOJOB_TERMINATION_LOG=/tmp/termination", "--volume", f"{inputs}:{INPUTS_ROOT}:ro",
        "--volume", f"{tmp_path / 'data'}:{VOLUMES_ROOT}/data:ro", name,
    )  # fmt: skip
    report = json.loads(done.stdout.splitlines()[-1])
    assert done.returncode == ExitCode.INVALID and report["rows"] == len(PAIRS), done.stdout
    assert [problem["code"] for problem in report["problems"]][:1] == ["EmptyText"]


def test_a_trainer_for_processors_needs_torch_for_processors(docker: DockerEngine) -> None:
    done = docker.attempt(
        "build", "--progress", "plain", *options("trainer", "ACCELERATOR=cpu"), ROOT
    )
    assert done.returncode and "ACCELERATOR=cpu needs TORCH_INDEX" in done.stdout, done.stdout
    assert "Setting up gcc" not in done.stdout


def test_the_trainer_for_processors_is_built_and_imports_torch(docker: DockerEngine) -> None:
    index = os.environ.get("TORCH_INDEX")
    if not index:
        pytest.skip("TORCH_INDEX names no package index that has torch for processors")
    name = build(docker, "trainer", "ACCELERATOR=cpu", f"TORCH_INDEX={index}")
    run = ("run", "--rm", "--network", "none", "--read-only", "--tmpfs", "/tmp:mode=1777")
    program = "import torch, trl; print(torch.version.cuda, torch.ones(2).sum().item())"
    assert docker(*run, "--entrypoint", "python", name, "-c", program).split() == ["None", "2.0"]
    assert (
        "usage: python -m dpojob_trainer inspect | train"
        in docker.attempt(*run, name, "--help").stdout
    )
