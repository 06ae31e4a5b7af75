"""Writes the picture of the README: the report of examples/quickstart.yaml, trained on this machine's processor.

.venv/bin/python hack/generators/report_picture.py
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from ui_pictures import PICTURES, chromium, write

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from cluster_tools import ROOT
from demo import JOB, demo_data

NAME = "quickstart-report"
WIDTH, HEIGHT = 1200, 620


def main() -> int:
    """Trains, and takes a picture of the top of the report; fails where the training does."""
    with chromium("report_picture") as browser, tempfile.TemporaryDirectory() as temporary:
        tuned = Path(temporary) / "tuned"
        command = [
            str(Path(sys.executable).parent / "dpojob"), "train", "-f", str(ROOT / "examples/quickstart.yaml"),
            "--volume", f"{JOB}={demo_data()}", "--output", str(tuned),
        ]  # fmt: skip
        subprocess.run(command, check=True)
        page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT}, color_scheme="light")
        page.goto((tuned / "report.html").as_uri())
        write(PICTURES / f"{NAME}.png", page.screenshot())
    return 0


if __name__ == "__main__":
    sys.exit(main())
