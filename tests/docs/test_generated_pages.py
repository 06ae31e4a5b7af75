"""Pages of the reference that are made from the product itself."""

from __future__ import annotations

import subprocess
import sys

from tests.kit.repository import ROOT


def test_the_example_of_each_problem_has_that_problem() -> None:
    command = [sys.executable, str(ROOT / "hack/generators/problems.py"), "--check"]
    process = subprocess.run(command, capture_output=True, text=True, check=False)
    assert process.returncode == 0, process.stderr
