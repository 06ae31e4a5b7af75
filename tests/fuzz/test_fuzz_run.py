"""A short run of every fuzzer: the same inputs on every machine, and no finding."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from tests.kit.repository import ROOT

pytestmark = pytest.mark.fuzz

RUNS = 250
"""Inputs for each target, its seeds among them."""


def fuzz(directory: Path, *options: str) -> subprocess.CompletedProcess[str]:
    folders = ["--corpus", str(directory / "corpus"), "--findings", str(directory / "findings")]
    command = [sys.executable, "-m", "tests.fuzz", *folders, "--seed", "1", *options]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_no_input_of_a_short_run_breaks_a_promise(tmp_path: Path) -> None:
    ended = fuzz(tmp_path, "--runs", str(RUNS))
    assert ended.returncode == 0, ended.stdout + ended.stderr[-4000:]
    summary = re.search(r"^(\d+) targets, (\d+) inputs, 0 findings$", ended.stdout, re.MULTILINE)
    assert summary is not None, ended.stdout
    assert int(summary[2]) >= RUNS * int(summary[1])
