"""This checkout released on the loopback address and installed from there, as `hack/release --local` does it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.kit.repository import ROOT

sys.path.insert(0, str(ROOT / "hack"))

from release_tools import local_release as releasing
from release_tools.step_table import StepTable


@pytest.fixture(scope="session")
def local_release(
    control_plane: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[releasing.LocalRelease, Path]]:
    """What was published, and the directory of the commands that were installed from it."""
    directory = tmp_path_factory.mktemp("local-release")
    with releasing.installed(directory, Path(control_plane.kubeconfig), StepTable()) as result:
        yield result


@pytest.fixture(scope="session")
def release(local_release: tuple[releasing.LocalRelease, Path]) -> releasing.LocalRelease:
    """What was published."""
    return local_release[0]


@pytest.fixture(scope="session")
def installed(local_release: tuple[releasing.LocalRelease, Path]) -> Path:
    """The directory of the commands that were installed."""
    return local_release[1]
