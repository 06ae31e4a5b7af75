"""The README fits a screen and a half, with a picture that a command of the repository makes."""

from __future__ import annotations

import re

from tests.kit.repository import ROOT

README = (ROOT / "README.md").read_text()
LINES_OF_A_SCREEN = 50


def test_it_fits_a_screen_and_a_half() -> None:
    assert len(README.splitlines()) <= 1.5 * LINES_OF_A_SCREEN


def test_its_picture_is_one_that_a_script_makes() -> None:
    (picture,) = re.findall(r"!\[[^\]]+\]\(docs/pictures/([\w-]+)\.png\)", README)
    assert (ROOT / f"docs/pictures/{picture}.png").exists()
    assert (
        f'NAME = "{picture}"' in (ROOT / "hack/generators/pictures/report_picture.py").read_text()
    )


def test_the_times_are_those_that_a_run_wrote() -> None:
    page = (ROOT / "docs/start/times.md").read_text()
    sections = re.split(r"^## ", page, flags=re.MULTILINE)[1:]
    assert [part.splitlines()[0] for part in sections] == ["A laptop and a cluster", "One machine"]
    for section in sections:
        if "No run is recorded here yet" not in section:
            assert "load average" in section
            assert re.search(r"^\| in all \| [\d.]+ \|$", section, re.MULTILINE)


def test_its_links_lead_to_files() -> None:
    """The site checks the links of all pages it shows, and does not show this one."""
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", README)
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []
