"""uPlot is the released file, with its licence; nothing else is vendored."""

from __future__ import annotations

import hashlib

from dpojob.page.server import STATIC

UPLOT = "vendor/uplot-1.6.32"
"""From the npm package uplot 1.6.32, whose integrity is
sha512-KIMVnG68zvu5XXUbC4LQEPnhwOxBuLyW1AHtpm6IKTXImkbLgkMy+jabjLgSLMasNuGGzQm/ep3tOkyTxpiQIw==."""
DIGESTS = {
    "LICENSE": "8f989229699b4fe2f1a0432d0e9edc338a8a911e250e2d1b01ecd770a5f5b1bd",
    "uPlot.iife.min.js": "19c8d4c6ad88929a79f4ae49d6f7161566dfd0ba3d15cc495e974f787eb78f1f",
    "uPlot.min.css": "df630c6a8d6f8eeaff264b50f73ce5b114f646ffd9a0bb74f049b0a00135fa04",
}


def test_the_vendored_files_are_those_of_the_release() -> None:
    found = {
        str(file.relative_to(STATIC / UPLOT)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in (STATIC / "vendor").rglob("*")
        if file.is_file()
    }
    assert found == DIGESTS
    assert "Permission is hereby granted" in (STATIC / UPLOT / "LICENSE").read_text()


def test_the_page_refers_to_them() -> None:
    html = (STATIC / "index.html").read_text()
    assert f"/static/{UPLOT}/uPlot.iife.min.js" in html
    assert f"/static/{UPLOT}/uPlot.min.css" in html
