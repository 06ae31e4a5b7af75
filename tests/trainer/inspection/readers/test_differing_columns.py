"""Columns that only some files or blocks have: the result does not depend on which comes first."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.kit.inspection.row_strategies import conversations
from tests.kit.inspection.volume_fixture import InspectionVolume, codes, spec_of

from dpojob_trainer.inspection import accepted_rows
from dpojob_trainer.inspection.readers import jsonl

WHOLE_FILE = {"eval": {"fraction": 0}}
PAIR = {"prompt": "q", "chosen": "yes", "rejected": "no"}
BARE = {"chosen": "The one", "rejected": "The two"}
CONVERSATION = {
    "chosen": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "yes"}],
    "rejected": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "no"}],
}
TOOL = {"type": "function", "function": {"name": "clock"}}


@pytest.fixture(params=["first", "second"])
def files(request: pytest.FixtureRequest, volume: InspectionVolume):
    """Writes two files, in either order."""

    def write(plain: dict[str, Any], other: dict[str, Any]) -> InspectionVolume:
        order = [plain, other] if request.param == "first" else [other, plain]
        for number, row in enumerate(order):
            volume.rows([row] * 3, f"train-{number}.jsonl")
        return volume

    return write


def accepted(volume: InspectionVolume, report: Any) -> list[dict[str, Any]]:
    rows = list(accepted_rows(spec_of(WHOLE_FILE), report, volume.volumes))
    return sorted(rows, key=str)


def test_a_prompt_of_one_file_makes_the_rows_without_it_faulty(files) -> None:
    report = files(BARE, PAIR).inspect(WHOLE_FILE)
    assert codes(report) == {"MissingColumn": 3}
    assert report.mapping.prompt == "prompt"


def test_a_prompt_under_another_name_in_one_file_is_asked_for(files) -> None:
    other = {"question": "q", "chosen": "The one", "rejected": "The two"}
    report = files(BARE, other).inspect({**WHOLE_FILE, "preset": "none"})
    assert codes(report) == {"MissingColumn": 0}
    assert report.suggestion.column_mapping == {"prompt": "question"}
    assert report.rows == 6


def test_a_system_text_of_one_file_is_kept(files) -> None:
    volume = files(PAIR, {**PAIR, "prompt": "p", "system": "Be a pirate"})
    report = volume.inspect(WHOLE_FILE)
    assert report.valid and report.mapping.system == "system"
    assert [row["prompt"] for row in accepted(volume, report)] == ["Be a pirate\n\np"] * 3 + [
        "q"
    ] * 3


def test_tools_of_one_file_are_kept(files) -> None:
    volume = files(CONVERSATION, {**CONVERSATION, "tools": [TOOL]})
    report = volume.inspect(WHOLE_FILE)
    assert report.valid and report.mapping.tools == "tools"
    assert sum("tools" in row for row in accepted(volume, report)) == 3


def test_scores_of_one_file_make_its_ties_known(files) -> None:
    report = files(
        CONVERSATION, {**CONVERSATION, "score_chosen": 5.0, "score_rejected": 5.0}
    ).inspect(WHOLE_FILE)
    assert report.preset == "ultrafeedback-trl"
    assert report.dropped == {"Tie": 3}


def test_images_of_one_file_are_refused(files) -> None:
    report = files(PAIR, {**PAIR, "images": ["x"]}).inspect(WHOLE_FILE)
    assert codes(report) == {"ReservedColumn": 0}


@pytest.mark.parametrize("late", [False, True])
def test_a_prompt_of_some_blocks_makes_the_others_faulty(volume, monkeypatch, late) -> None:
    monkeypatch.setattr(jsonl, "BLOCK_BYTES", 100)
    rows = [BARE] * 20 + [PAIR] * 20
    report = volume.rows(rows if late else rows[::-1]).inspect(WHOLE_FILE)
    assert not report.valid
    assert set(codes(report)) <= {"MissingColumn", "NullValue"}
    assert sum(codes(report).values()) == 20


def test_an_unused_column_in_one_file_changes_nothing(files) -> None:
    report = files(PAIR, {**PAIR, "id": 7}).inspect(WHOLE_FILE)
    assert report.valid and report.valid_rows == 6
    assert sorted(report.columns) == ["chosen", "id", "prompt", "rejected"]


answer = st.sampled_from(["The one", "The two", "no"])
asked = st.sampled_from(["q", "p"])
shape = st.fixed_dictionaries(
    {"chosen": answer, "rejected": answer},
    optional={
        "prompt": asked,
        "question": asked,
        "system": asked,
        "input": asked,
        "status": st.sampled_from(["tie", "ok"]),
        "id": st.integers(0, 3),
        "score_chosen": st.integers(0, 1),
        "score_rejected": st.integers(0, 1),
    },
)
conversation = st.builds(
    lambda row, more: {**row, **more},
    conversations,
    st.fixed_dictionaries(
        {}, optional={"system": asked, "score_chosen": st.just(1), "score_rejected": st.just(1)}
    ),
)


@settings(max_examples=80, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.one_of(*(st.tuples(rows, rows) for rows in (shape, conversation))))
def test_the_order_of_files_changes_nothing(pair: tuple[dict[str, Any], dict[str, Any]]) -> None:
    reports = []
    for order in (pair, pair[::-1]):
        with tempfile.TemporaryDirectory() as name:
            volume = InspectionVolume(Path(name))
            for number, row in enumerate(order):
                volume.rows([row], f"train-{number}.jsonl")
            report = volume.inspect({**WHOLE_FILE, "invalidRows": "Drop", "maxDroppedShare": 1})
            rows = accepted(volume, report) if report.valid else []
            reports.append(
                (report.valid, report.preset, report.mapping, report.dropped, codes(report), rows)
            )
    assert reports[0] == reports[1]
