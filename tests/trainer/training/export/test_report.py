"""report.html in a real browser: self-contained, and no wider than a phone."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from tests.kit.training.tiny_job import MakeJob

from dpojob_trainer.training import run

pytestmark = pytest.mark.train
PHONE = (390, 844)
PROBE = (
    "<script>addEventListener('load', () => { document.title = 'wide:' + "
    "document.documentElement.scrollWidth + ' charts:' + [...document.querySelectorAll('svg')]"
    ".filter(s => s.getBoundingClientRect().height > 100).length; })</script>"
)


def test_it_needs_nothing_from_elsewhere_and_fits_a_phone(
    make_job: MakeJob, tmp_path: Path
) -> None:
    job = make_job(
        spec={
            "samples": {"prompts": ["<b>bold & long " + "x" * 300], "everySteps": 3},
            "training": {"epochs": 1},
        }
    )
    assert run(job).outcome == "Succeeded"
    text = (job.output / "report.html").read_text(encoding="utf-8")
    assert not re.search(r"""(src|href)\s*=|url\(|@import|<script|<link""", text)
    assert "<b>bold" not in text and "&lt;b&gt;bold &amp; long" in text
    assert "step 3" in text and "before" in text and "after" in text
    browser = (
        shutil.which("chromium")
        or shutil.which("chromium-browser")
        or shutil.which("google-chrome")
    )
    assert browser, "install Debian's chromium for this test"
    probed = tmp_path / "probed.html"
    probed.write_text(text.replace("</body>", PROBE + "</body>"), encoding="utf-8")
    shot = tmp_path / "phone.png"
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"]
    size = "--window-size={},{}".format(*PHONE)
    dumped = subprocess.run(
        [browser, *flags, size, "--dump-dom", probed.as_uri()],
        capture_output=True, text=True, timeout=600, check=True,
    )  # fmt: skip
    seen = re.search(r"<title>wide:(\d+) charts:(\d+)", dumped.stdout)
    assert seen is not None, dumped.stderr[-500:]
    # Headless Chromium's narrowest window is 500; nothing may reach beyond the window.
    assert int(seen[1]) <= max(PHONE[0], 500)
    assert int(seen[2]) >= 6
    subprocess.run(
        [browser, *flags, size, f"--screenshot={shot}", probed.as_uri()],
        capture_output=True, timeout=600, check=True,
    )  # fmt: skip
    assert shot.stat().st_size > 10_000
