"""Writes the picture of the README: the report of examples/quickstart.yaml, trained on this machine's processor.

.venv/bin/python hack/generators/pictures/report_picture.py
"""

from __future__ import annotations

import io
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page
from ui_pictures import PICTURES, chromium, write

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from cluster_tools import ROOT
from demo import JOB, demo_data

NAME = "quickstart-report"
WIDTH, HEIGHT = 1200, 900
CURVES = """() => {
const heading = [...document.querySelectorAll("h2")].find(each => each.textContent === "Curves");
const place = element => element.getBoundingClientRect();
return {top: place(heading).top + scrollY, bottom: place(heading.nextElementSibling.children[2]).bottom + scrollY,
  summary: place(document.querySelector("h2")).top + scrollY};
}"""
"""Where the first row of curves is in the report, and where its summary ends, in pixels from its top; JavaScript."""


def picture_of(page: Page) -> bytes:
    """Takes a picture of a report's summary with its first curves below, without the sections between."""
    whole = Image.open(io.BytesIO(page.screenshot(full_page=True)))
    places = page.evaluate(CURVES)
    parts = [
        whole.crop((0, 0, WIDTH, round(places["summary"]) - 10)),
        whole.crop((0, round(places["top"]) - 10, WIDTH, round(places["bottom"]) + 10)),
    ]
    joined = Image.new("RGB", (WIDTH, sum(part.height for part in parts)))
    joined.paste(parts[0], (0, 0))
    joined.paste(parts[1], (0, parts[0].height))
    written = io.BytesIO()
    joined.save(written, "PNG")
    return written.getvalue()


def main() -> int:
    """Trains, and takes a picture of the report; fails where the training does."""
    with chromium("report_picture") as browser, tempfile.TemporaryDirectory() as temporary:
        tuned = Path(temporary) / "tuned"
        command = [
            str(Path(sys.executable).parent / "dpojob"), "train", "-f", str(ROOT / "examples/quickstart.yaml"),
            "--volume", f"{JOB}={demo_data()}", "--output", str(tuned),
        ]  # fmt: skip
        subprocess.run(command, check=True)
        page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT}, color_scheme="light")
        page.goto((tuned / "report.html").as_uri())
        write(PICTURES / f"{NAME}.png", picture_of(page))
    return 0


if __name__ == "__main__":
    sys.exit(main())
