"""The last release as the checkout's history has it: its chart, and the sources of its images."""

from __future__ import annotations

import io
import subprocess
import tarfile
from pathlib import Path

import pytest
from tests.kit.repository import ROOT

BEFORE_CRDS_IN_TEMPLATES = "da91a101d346"
"""The last commit whose chart left the CRDs to Helm's `crds` directory; there is no tag before it."""
SOURCES = ("api/src", "planner/src", "operator/src", "trainer-image/src")
"""The source folders of the operator and of the containers of its Jobs; each holds one package or more."""


def unpack(directory: Path) -> str:
    """Write chart and sources of the last tag, else of the commit above, into a directory.

    Returns:
        The tag or the commit. A checkout without that history skips the test.
    """
    try:
        tags = _git("tag", "--list", "v*", "--sort=-v:refname", "--merged").decode().split()
    except (OSError, subprocess.CalledProcessError):
        tags = []
    commit = tags[0] if tags else BEFORE_CRDS_IN_TEMPLATES
    try:
        archive = _git("archive", commit, "charts/dpojob", *SOURCES)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip(f"this checkout has no history with {commit}, whose chart is installed first")
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        tar.extractall(directory, filter="data")
    return commit


def _git(*arguments: str) -> bytes:
    return subprocess.run(["git", *arguments], cwd=ROOT, check=True, capture_output=True).stdout
