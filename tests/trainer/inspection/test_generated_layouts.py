"""Generated pairs, written in each layout that people use: every pair is read as it was written.

A layout is read as it is, or with the mapping that its case names, or after the suggestion of the first
inspection. Nothing is altered, swapped or lost; layouts without pairs are never accepted.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.kit.inspection.column_layouts import COLUMN_LAYOUTS
from tests.kit.inspection.dataset_layouts import Layout, Pair, answers, last_text, texts
from tests.kit.inspection.follow_suggestion import follow
from tests.kit.inspection.message_layouts import MESSAGE_LAYOUTS
from tests.kit.inspection.other_datasets import OTHERS
from tests.kit.inspection.volume_fixture import make_bare_model, spec_of

from dpojob_trainer.inspection import InspectionError, accepted_rows, inspect

WHOLE = {"eval": {"fraction": 0}}
LAYOUTS = MESSAGE_LAYOUTS | COLUMN_LAYOUTS


@st.composite
def generated(draw: st.DrawFn) -> list[Pair]:
    """Pairs with different prompts, enough for what inspection tells by most of them."""
    drawn = draw(st.lists(st.tuples(texts, answers), min_size=6, max_size=10))
    return [
        Pair(f"question {number}: {prompt}".strip(), f"{chosen} (1)", f"{rejected} (2)", number)
        for number, (prompt, (chosen, rejected)) in enumerate(drawn)
    ]


def written(root: Path, text: str, name: str) -> dict[str, Path]:
    make_bare_model(root / "model")
    (root / "pairs").mkdir()
    (root / "pairs" / name).write_text(text, encoding="utf-8")
    return {"data": root}


def check(pairs: list[Pair], volumes: dict[str, Path], layout: Layout) -> None:
    """Inspects, follows a suggestion once where there is one, and compares what training would read."""
    mapping = {"columnMapping": layout.mapping} if layout.mapping else {}
    spec = spec_of({**WHOLE, **mapping})
    report = inspect(spec, volumes)
    if not report.valid:
        assert report.suggestion is not None, report.errors[0].message
        assert report.suggestion.remaining == []
        spec = follow(spec, report.suggestion)
        report = inspect(spec, volumes)
    assert report.valid, [problem.message for problem in report.errors]
    found = [
        tuple(last_text(row[part]) for part in ("prompt", "chosen", "rejected"))
        for row in accepted_rows(spec, report, volumes)
    ]
    kept = [pair for pair in pairs if not (layout.has_ties and pair.is_tie)]
    assert found == [(layout.prompt(pair), pair.chosen, pair.rejected) for pair in kept]
    assert report.dropped == ({"Tie": len(pairs) - len(kept)} if layout.has_ties else {})


CASES = settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.mark.parametrize("name", LAYOUTS)
@CASES
@given(pairs=generated())
def test_pairs_are_read_as_they_were_written(name: str, pairs: list[Pair]) -> None:
    layout = LAYOUTS[name]
    lines = "".join(json.dumps(layout.row(pair)) + "\n" for pair in pairs)
    with tempfile.TemporaryDirectory() as folder:
        check(pairs, written(Path(folder), lines, "train.jsonl"), layout)


@pytest.mark.parametrize("levels", [0, 1, 2])
@CASES
@given(pairs=generated(), by_row=st.booleans())
def test_whole_columns_are_read(levels: int, pairs: list[Pair], by_row: bool) -> None:
    layout = LAYOUTS["TRL, text"]
    rows = [layout.row(pair) for pair in pairs]
    value: Any = {name: [row[name] for row in rows] for name in rows[0]}
    if by_row:
        value = {name: {str(n): v for n, v in enumerate(value[name])} for name in value}
    for _ in range(levels):
        value = {"data": value}
    with tempfile.TemporaryDirectory() as folder:
        check(pairs, written(Path(folder), json.dumps(value), "train.json"), layout)


@CASES
@given(pairs=generated())
def test_a_tsv_file_without_a_header_is_read(pairs: list[Pair]) -> None:
    # A first line of sentences is a row; one of few words could be the columns' names.
    def sentence(text: str) -> str:
        return f"This is one of the texts, {text}".replace('"', "'").replace("\n", " ")

    pairs = [
        Pair(sentence(p.prompt), sentence(p.chosen), sentence(p.rejected), p.number) for p in pairs
    ]
    lines = "".join(f"{p.prompt}\t{p.chosen}\t{p.rejected}\n" for p in pairs)
    columns = {"prompt": "column_1", "chosen": "column_2", "rejected": "column_3"}
    layout = Layout(LAYOUTS["TRL, text"].row, columns)
    with tempfile.TemporaryDirectory() as folder:
        check(pairs, written(Path(folder), lines, "train.tsv"), layout)


@pytest.mark.parametrize("name", OTHERS)
@CASES
@given(pairs=generated())
def test_what_holds_no_pairs_is_never_accepted(name: str, pairs: list[Pair]) -> None:
    word, row = OTHERS[name]
    lines = "".join(json.dumps(row(pair)) + "\n" for pair in pairs)
    with tempfile.TemporaryDirectory() as folder:
        volumes = written(Path(folder), lines, "train.jsonl")
        try:
            report = inspect(spec_of(WHOLE), volumes)
        except InspectionError as error:
            assert word in error.message
            return
        assert not report.valid and report.suggestion is None
        assert word in " ".join(problem.message for problem in report.errors)
