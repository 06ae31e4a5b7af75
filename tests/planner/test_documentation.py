"""The figures in docs/plan.md are the planner's own."""

from __future__ import annotations

import subprocess
import sys

from tests.kit.repository import ROOT


def test_the_tables_of_the_plan_page_are_current() -> None:
    command = [sys.executable, str(ROOT / "hack/generators/plan_tables.py"), "--check"]
    process = subprocess.run(command, capture_output=True, text=True, check=False)
    assert process.returncode == 0, process.stderr
