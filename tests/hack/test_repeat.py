"""`hack/testing/repeat` runs every test exactly as often as asked for, over any number of processes."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from tests.kit.repository import ROOT


@pytest.mark.parametrize(("times", "processes"), [(5, 2), (1, 3)])
def test_no_repetition_is_rounded_away(tmp_path: Path, times: int, processes: int) -> None:
    test = tmp_path / "test_counted.py"
    test.write_text("def test_counted():\n    pass\n")
    variables = {"PROCESSES": str(processes), "BUSY": "0", "TMPDIR": str(tmp_path)}
    done = subprocess.run(
        [ROOT / "hack/testing/repeat", str(times), "-c", os.devnull, test],
        env={**os.environ, **variables}, check=True, text=True, capture_output=True,
    )  # fmt: skip
    (line,) = [line for line in done.stdout.splitlines() if "passed" in line]
    assert line.split()[:4] == [str(times), "passed", "0", "failed"]
