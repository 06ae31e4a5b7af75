"""Where Docker and kind work, they alone make the cluster and its images: the commands that are run.

`docker` and `kind` are scripts here that note how they were called; no engine and no node image is needed.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from devcluster import binaries, cli
from devcluster.images import buildah

SCRIPT = """#!/bin/sh
echo "$(basename "$0") $*" >> {calls}
case "$(basename "$0") $1 $2" in
  "kind create cluster") echo "$4" > {clusters} ;;
  "kind delete cluster") : > {clusters} ;;
  "kind get clusters") cat {clusters} ;;
  "kind get nodes") echo dpojob-control-plane ;;
  "docker exec dpojob-control-plane") grep -q "^kind load docker-image $6 " {calls} ;;
esac
"""
IMAGE = "localhost/dpojob-operator:1"


class Machine:
    """A machine with Docker and kind, and no buildah."""

    def __init__(self, directory: Path) -> None:
        self._calls = directory / "calls"
        clusters = directory / "clusters"
        clusters.touch()
        self.programs = directory / "programs"
        self.programs.mkdir()
        for name in ("docker", "kind", "kubectl"):
            program = self.programs / name
            program.write_text(SCRIPT.format(calls=self._calls, clusters=clusters))
            program.chmod(0o755)

    def calls(self, program: str) -> list[str]:
        """The calls of a program since this was last asked, but those that change nothing."""
        lines = self._calls.read_text().splitlines()
        reads = ("docker info", "docker exec", "kind get")
        return [line for line in lines if line.startswith(program) and not line.startswith(reads)]


@pytest.fixture
def machine(tmp_path: Path, state_home: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    machine = Machine(tmp_path)
    monkeypatch.setenv("PATH", f"{machine.programs}:/usr/bin:/bin")
    for name in ("CONTEXT", "DEVCLUSTER_BACKEND", "DEVCLUSTER_NAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(binaries, "ensure", lambda name: machine.programs / name)
    monkeypatch.setattr(buildah, "run", lambda *_: pytest.fail("buildah was called"))
    return machine


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["devcluster", *arguments])
    return cli.main()


def test_docker_and_kind_make_cluster_and_images(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(monkeypatch, "up") == 0
    assert machine.calls("kind") == ["kind create cluster --name dpojob --wait 120s"]
    build = ("build-image", ".", "-t", IMAGE, "-f", "Dockerfile", "--target", "train")
    assert run(monkeypatch, *build, "--build-arg", "A=b") == 0
    options = f"--file Dockerfile --tag {IMAGE} --build-arg A=b --target train"
    assert machine.calls("docker") == [f"docker build {options} ."]
    with pytest.raises(SystemExit):
        run(monkeypatch, "has-image", IMAGE)
    assert run(monkeypatch, "load-image", "--built", IMAGE) == 0
    assert machine.calls("kind")[1:] == [f"kind load docker-image {IMAGE} --name dpojob"]
    assert run(monkeypatch, "has-image", IMAGE) == 0
    assert run(monkeypatch, *build[:6], "--for-registry") == 0
    assert machine.calls("docker")[-1] == f"docker push {IMAGE}"


def test_down_ends_the_kind_cluster_that_up_made_and_no_other(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(monkeypatch, "up") == 0
    assert run(monkeypatch, "kubeconfig") == 0
    # A kind cluster of the user's own, by its context.
    assert run(monkeypatch, "kubeconfig", "--context", "kind-mine") == 0
    assert run(monkeypatch, "down", "--all") == 0
    assert machine.calls("kind delete") == ["kind delete cluster --name dpojob"]
    assert run(monkeypatch, "down", "--all") == 0
    assert len(machine.calls("kind delete")) == 1


def test_a_claim_of_kind_is_no_directory_of_this_machine(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "up") == 0
    assert run(monkeypatch, "claim-dir", "dpojob-demo", "quickstart") == 1
    assert "not directories of this machine" in capsys.readouterr().err
