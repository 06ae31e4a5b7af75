"""The sizes of the images in docs/platform/install.md."""

from __future__ import annotations

import re

import pytest
from tests.kit.repository import ROOT

PAGE = ROOT / "docs/platform/install.md"


def assert_documented(role: str, size: int) -> None:
    """An image has the size, in bytes, that the page has for it, within a tenth."""
    sizes = dict(re.findall(r"^\| ([\w ]+) \| ([\d.]+) GB \|", PAGE.read_text(), re.MULTILINE))
    assert size / 1e9 == pytest.approx(float(sizes[role]), rel=0.1)
