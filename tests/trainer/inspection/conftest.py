from __future__ import annotations

from pathlib import Path

import pytest
from tests.kit.inspection.volume_fixture import InspectionVolume


@pytest.fixture(autouse=True)
def _scratch(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Downloads and sorted runs of one test stay its own."""
    # The hosts of these tests are on this machine.
    monkeypatch.setenv("DPOJOB_ALLOW_PRIVATE_URLS", "127.0.0.0/8,::1")
    monkeypatch.setenv("DPOJOB_SCRATCH", str(tmp_path_factory.mktemp("scratch")))


@pytest.fixture
def volume(tmp_path: Path) -> InspectionVolume:
    return InspectionVolume(tmp_path)
