"""The table of `hack/first-hour`, and the section of a page that it is written into."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from tests.kit.repository import ROOT

sys.path.insert(0, str(ROOT / "hack"))

from release_tools.step_table import StepTable, write_section

PAGE = "# Times\n\nIntroduction.\n\n## One\n\nold\n\n## Two\n\nkept\n"


def test_the_table_ends_with_the_sum() -> None:
    table = StepTable([("a | b", 1.25), ("c", 2.0)])
    assert str(table).splitlines()[-1].split() == ["in", "all", "3.2", "s"]
    assert table.markdown().splitlines()[2:] == [
        "| a \\| b | 1.2 |",
        "| c | 2.0 |",
        "| in all | 3.2 |",
    ]


def test_a_section_is_replaced_and_the_others_stay(tmp_path: Path) -> None:
    page = tmp_path / "times.md"
    page.write_text(PAGE)
    write_section(page, "One", "new")
    assert page.read_text() == PAGE.replace("old", "new")
    write_section(page, "Two", r"with \1")
    assert page.read_text() == PAGE.replace("old", "new").replace("kept", r"with \1")
    with pytest.raises(ValueError, match="Three"):
        write_section(page, "Three", "")
