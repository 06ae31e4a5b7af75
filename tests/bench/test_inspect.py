"""The benchmark of the inspection finds what it plants, and writes its page."""

from __future__ import annotations

from pathlib import Path

import pytest
from bench.inspect.__main__ import COMMANDS
from bench.inspect.memory import measure_memory
from bench.inspect.models import make_model
from bench.inspect.page import PAGE
from bench.inspect.suspects import HEADER, measure_planted
from bench.inspect.tokens import ROWS, Rows, compare, row_by_row

from dpojob_trainer.inspection.validation import BatchValidator
from dpojob_trainer.shared.rows.messages import FALLBACK_CHAT_TEMPLATE


def test_most_planted_errors_are_found_and_little_else() -> None:
    lines = measure_planted(800, 0.02)
    rows = [line.strip("| ").split(" | ") for line in lines if line.startswith("|")]
    assert rows[0] == HEADER
    figures = {row[0]: (float(row[3]), float(row[4])) for row in rows[2:]}
    assert len(figures) == 8
    # 800 pairs are few for the classifier.
    swapped = figures.pop("swapped, by a classifier")
    assert swapped[0] >= 0.8 and swapped[1] >= 0.5
    assert all(precision >= 0.9 and recall >= 0.8 for precision, recall in figures.values()), (
        figures
    )


def test_each_command_has_a_section_of_the_page(tmp_path: Path) -> None:
    for title, _ in reversed(COMMANDS.values()):
        PAGE.write(tmp_path / "page.md", title, [f"figures of {title}"])
    text = (tmp_path / "page.md").read_text()
    assert text.startswith(PAGE.head.strip())
    titles = [line.removeprefix("## ") for line in text.splitlines() if line.startswith("## ")]
    assert titles == [title for title, _ in COMMANDS.values()]


def test_memory_is_measured_after_each_part_of_all_rows(tmp_path: Path) -> None:
    header, *rows = [
        line.strip("| ").split(" | ")
        for line in measure_memory(tmp_path, 1000)
        if line.startswith("| ")
    ]
    assert header[1:5] == [f"{end:,} rows" for end in (200, 400, 600, 800)]
    assert header[5] == "the whole inspection of 1,000"
    assert [row[0] for row in rows] == ["characters", "tokens"]
    for row in rows:
        peaks = [int(figure.replace(",", "")) for figure in row[1:6]]
        assert peaks == sorted(peaks) and peaks[0] > 0


def test_counting_row_by_row_is_over_with_its_block() -> None:
    validate = BatchValidator.__dict__["_validate_columns"]
    with row_by_row():
        assert BatchValidator.__dict__["_validate_columns"] is not validate
    assert BatchValidator.__dict__["_validate_columns"] is validate


@pytest.mark.train
@pytest.mark.parametrize("kind", ROWS.values(), ids=ROWS.keys())
def test_all_sides_count_the_same_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: Rows
) -> None:
    monkeypatch.setenv("DPOJOB_SCRATCH", str(tmp_path))
    make_model(tmp_path / "model", FALLBACK_CHAT_TEMPLATE)
    sides = compare(tmp_path, 20, 10, kind, rounds=1)
    assert len(sides) == 4 and all(side.rate > 0 and side.cpu > 0 for side in sides)
