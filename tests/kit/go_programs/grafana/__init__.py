"""Grafana's own types of a dashboard (github.com/grafana/grafana-foundation-sdk)."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.kit.go_programs.program import built


def objections(dashboard: str) -> str:
    """What these types do not take of a dashboard in JSON: unknown, missing and mistyped fields; empty for none."""
    program = built(Path(__file__).parent)
    done = subprocess.run([program], input=dashboard, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()
