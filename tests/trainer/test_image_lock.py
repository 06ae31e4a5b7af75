"""The parts of the trainer's lock that its Dockerfile installs separately."""

from __future__ import annotations

import re
import subprocess

from tests.kit.repository import ROOT

LOCK = ROOT / "locks/trainer.txt"


def names(text: str) -> set[str]:
    return set(re.findall(r"^([a-z0-9][a-z0-9._-]*)==", text, flags=re.MULTILINE))


def test_only_torch_and_its_cuda_libraries_are_left_out() -> None:
    dockerfile = (ROOT / "trainer-image/Dockerfile").read_text()
    (program,) = re.findall(r"awk '([^']+)' /build/trainer.txt >/build/rest.txt", dockerfile)
    (expression,) = re.findall(r"sed -n '([^']+)' /build/trainer.txt", dockerfile)
    rest = subprocess.run(["awk", program, LOCK], capture_output=True, text=True, check=True).stdout
    torch = subprocess.run(
        ["sed", "-n", expression, LOCK], capture_output=True, text=True, check=True
    ).stdout.strip()
    assert re.fullmatch(r"torch==\d+\.\d+\.\d+", torch)
    left_out = names(LOCK.read_text()) - names(rest)
    assert {"torch", "triton", "nvidia-cublas"} <= left_out
    assert {name.partition("-")[0] for name in left_out} == {"torch", "triton", "nvidia", "cuda"}
    lines = LOCK.read_text().splitlines()
    assert set(rest.splitlines()) <= set(lines)
    assert "--hash" in rest.splitlines()[1]


def test_setuptools_is_installed_by_its_hash_before_packages_are_built_with_it() -> None:
    dockerfile = (ROOT / "trainer-image/Dockerfile").read_text()
    (program,) = re.findall(r"awk '([^']+)' /build/trainer.txt >/build/setuptools.txt", dockerfile)
    part = subprocess.run(["awk", program, LOCK], capture_output=True, text=True, check=True).stdout
    assert names(part) == {"setuptools"} and "--hash" in part
    first, second = re.findall(r"-r /build/setuptools.txt|--no-build-isolation", dockerfile)
    assert (first, second) == ("-r /build/setuptools.txt", "--no-build-isolation")
