"""What krew installs: the archive that its manifest names, with a program that runs the installed package."""

from __future__ import annotations

import hashlib
import re
import subprocess
import tarfile
from pathlib import Path

import yaml
from release_tools import krew_plugin

SOURCE = "https://example.com/dpojob"


def build(directory: Path) -> dict[str, object]:
    krew_plugin.write("v0.1.0", SOURCE, directory)
    return dict(yaml.safe_load((directory / "dpo.yaml").read_text())["spec"])


def test_the_manifest_names_the_archive(tmp_path: Path) -> None:
    spec = build(tmp_path)
    (platform,) = spec["platforms"]  # type: ignore[misc]
    packed = (tmp_path / "kubectl-dpo.tar.gz").read_bytes()
    assert platform["sha256"] == hashlib.sha256(packed).hexdigest()
    assert platform["uri"] == f"{SOURCE}/releases/download/v0.1.0/kubectl-dpo.tar.gz"
    # As krew's validation requires them.
    assert re.fullmatch(r"v\d+\.\d+\.\d+", str(spec["version"]))
    assert len(str(spec["shortDescription"])) <= 50
    with tarfile.open(tmp_path / "kubectl-dpo.tar.gz") as archive:
        names = archive.getnames()
    assert [each["from"] for each in platform["files"]] == names


def test_the_program_runs_the_installed_package_or_says_what_it_needs(tmp_path: Path) -> None:
    build(tmp_path)
    with tarfile.open(tmp_path / "kubectl-dpo.tar.gz") as archive:
        archive.extractall(tmp_path / "krew", filter="data")
    program = tmp_path / "krew/kubectl-dpo"
    installed = tmp_path / "bin"
    installed.mkdir()
    (installed / "kubectl-dpo").write_text('#!/bin/sh\necho "installed: $*"\n')
    (installed / "kubectl-dpo").chmod(0o755)

    def run(path: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["/bin/sh", program, "list", "-A"],
            env={"PATH": path},
            capture_output=True,
            text=True,
            check=False,
        )

    system = "/usr/bin:/bin"
    assert run(f"{program.parent}:{installed}:{system}").stdout == "installed: list -A\n"
    alone = run(f"{program.parent}:{system}")
    assert (alone.returncode, "pip install dpojob==0.1.0" in alone.stderr) == (2, True)
