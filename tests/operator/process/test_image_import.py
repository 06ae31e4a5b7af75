"""The operator imports as its image holds it: plain packages, without the metadata of a distribution."""

from __future__ import annotations

import subprocess
import sys

from tests.kit.repository import ROOT

CODE = """
import importlib.metadata, sys
def missing(name):
    raise importlib.metadata.PackageNotFoundError(name)
real = importlib.metadata.version
importlib.metadata.version = lambda name: missing(name) if name.startswith("dpojob") else real(name)
import dpojob_operator.main
"""


def test_the_operator_imports_without_the_metadata_of_its_distribution() -> None:
    done = subprocess.run(
        [sys.executable, "-c", CODE], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
