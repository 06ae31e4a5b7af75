"""Helm on a control plane that serves our kinds, and those of the Prometheus operator as far as the
chart writes them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.kit.cluster.helm import Helm
from tests.kit.crds import apply_crds
from tests.kit.repository import ROOT


@pytest.fixture(scope="module")
def helm(control_plane: Any) -> Helm:
    """The CRDs are not of a Helm release, as with `kubectl apply -f crds/`."""
    apply_crds(control_plane, ROOT / "crds")
    apply_crds(control_plane, Path(__file__).parent / "monitoring_crds.yaml")
    return Helm(control_plane)
