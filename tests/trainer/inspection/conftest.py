from __future__ import annotations

from pathlib import Path

import pytest
from tests.kit.inspection.volume_fixture import InspectionVolume


@pytest.fixture(autouse=True)
def _scratch(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Downloads and sorted runs of one test stay its own."""
    monkeypatch.setenv("DPOJOB_SCRATCH", str(tmp_path_factory.mktemp("scratch")))


@pytest.fixture
def volume(tmp_path: Path) -> InspectionVolume:
    return InspectionVolume(tmp_path)
