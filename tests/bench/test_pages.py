"""What the pages of benchmarks name as the command of a section, and what recording one prints and writes."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench import pages

WORDS = ("first", "second")
PAGE = pages.Page("# Head", ("First", "Second"))


@pytest.mark.parametrize(
    ("arguments", "command"),
    [
        ("", "python -m bench.x first"),
        ("all --rounds 2", "python -m bench.x first --rounds 2"),
        ("second --write page.md --rounds 2", "python -m bench.x first --rounds 2"),
        ("--write=page.md --rounds 2", "python -m bench.x first --rounds 2"),
    ],
)
def test_a_section_names_the_command_that_repeats_it_without_its_page(
    monkeypatch: pytest.MonkeyPatch, arguments: str, command: str
) -> None:
    monkeypatch.setattr("sys.argv", ["x", *arguments.split()])
    assert pages.command_line("bench.x", "first", WORDS) == command


def test_what_a_command_found_is_printed_and_only_written_where_a_page_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "page.md"
    PAGE.record("python -m bench.x first", "First", lambda: ["figures"], None)
    assert "## First\n\nfigures\n" in capsys.readouterr().out
    assert not path.exists()
    PAGE.record("python -m bench.x first", "First", lambda: ["figures"], path)
    text = path.read_text()
    assert text.startswith("# Head\n\n## First\n\n`python -m bench.x first`, ")
    assert text.endswith("\nfigures\n")
