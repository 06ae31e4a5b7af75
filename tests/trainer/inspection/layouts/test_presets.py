"""Known layouts are recognised by their schema, and their traps are known."""

from __future__ import annotations

from typing import Any

import pytest
from tests.kit.inspection.preset_rows import ASKED, EXPECTED, PRESET_ROWS, turns
from tests.kit.inspection.preset_rows.services import completion, scored
from tests.kit.inspection.volume_fixture import codes, spec_of

from dpojob_trainer.inspection import InspectionError, accepted_rows
from dpojob_trainer.inspection.layouts import PRESETS

SUGGESTED = ("chosen-rejected-roles", "ms-swift", "bedrock")


@pytest.mark.parametrize(
    ("name", "row", "expected"), PRESET_ROWS, ids=[case[0] for case in PRESET_ROWS]
)
def test_a_layout_is_recognised_and_read(volume, name, row, expected) -> None:
    # Only the roles of messages show these, so they are suggested, not recognised.
    named = {"preset": name} if name in SUGGESTED else {}
    dataset = {"eval": {"fraction": 0}, **named}
    if named:
        assert volume.rows([row] * 3).inspect().suggestion.preset == name
    report = volume.rows([row] * 3).inspect(dataset)
    assert report.valid, report.problems
    assert report.preset == name
    found = list(accepted_rows(spec_of(dataset), report, volume.volumes))
    assert found == [expected] * 3


def test_every_preset_is_tested() -> None:
    assert {name for name, _, _ in PRESET_ROWS} == {preset.name for preset in PRESETS}


TIES = [
    ("ultrafeedback-preferences", {"rejected_avg_rating": 5.0}),
    ("ultrafeedback-cleaned", {"rejected-rating": 5.0}),
    ("ultrafeedback-binarized", {"score_rejected": 8.0}),
    ("ultrafeedback-trl", {"score_rejected": 8.0}),
    ("nemo", {"rejected_rating": "4.0"}),
    ("nemo-aligner", {"rejected_reward": 4}),
    ("distilabel-orca", {"status": "tie"}),
    ("helpsteer3", {"overall_preference": 0}),
    ("helpsteer2", {"preference_strength": 0}),
    ("nemo-rl", {"completions": [completion(1, "a"), completion(1, "b")]}),
    ("vertex", {"completions": [scored(0.5, "a"), scored(0.5, "b")]}),
    ("webgpt", {"score_0": 0.0, "score_1": 0.0}),
]


@pytest.mark.parametrize(("name", "tie"), TIES)
def test_ties_are_left_out_and_counted(volume, name, tie) -> None:
    row = next(row for preset, row, _ in PRESET_ROWS if preset == name)
    dataset = {"eval": {"fraction": 0}}
    report = volume.rows([row, {**row, **tie}, row]).inspect(dataset)
    assert report.valid, report.problems
    assert report.dropped == {"Tie": 1}
    assert (report.rows, report.valid_rows, report.dropped_rows) == (3, 2, 1)
    assert len(list(accepted_rows(spec_of(dataset), report, volume.volumes))) == 2


def test_nothing_but_ties(volume) -> None:
    row = {"context": turns("q"), "response1": "a", "response2": "b", "overall_preference": 0}
    assert codes(volume.rows([row]).inspect()) == {"EmptyDataset": 0}


HH = [
    ("PromptMismatch", {"rejected": "\n\nHuman: other\n\nAssistant: no"}, "differ before the last"),
    ("BadMessage", {"rejected": "no marks"}, "no '\\n\\nAssistant:' turn"),
    ("EmptyText", {"rejected": ASKED}, "'rejected' is empty"),
    ("LastTurnNotAssistant", {"rejected": ASKED + " a\n\nHuman: b"}, "ends with a '\\n\\nHuman:'"),
    ("NullValue", {"rejected": None}, "'rejected' is null"),
    ("IdenticalPair", {"rejected": ASKED + " well"}, "equals"),
]


@pytest.mark.parametrize(("code", "change", "phrase"), HH)
def test_transcripts_that_do_not_fit(volume, code, change, phrase) -> None:
    row = {"chosen": ASKED + " well", "rejected": ASKED + " badly"}
    report = volume.rows([row, {**row, **change}, row]).inspect()
    assert codes(report) == {code: 1}
    assert report.errors[0].examples == [1]
    assert phrase in report.errors[0].message


def test_none_turns_recognition_off(volume) -> None:
    report = volume.rows([PRESET_ROWS[1][1]]).inspect({"preset": "none"})
    assert report.preset == "none"
    assert "columnMapping: {prompt: question}" in report.errors[0].message


def test_a_named_preset_that_does_not_fit(volume) -> None:
    report = volume.rows([EXPECTED]).inspect({"preset": "orca"})
    assert "question" in report.errors[0].message


def test_an_unknown_preset(volume) -> None:
    with pytest.raises(InspectionError, match="did you mean 'orca'"):
        volume.rows([EXPECTED]).inspect({"preset": "orka"})


def test_a_mapping_in_the_spec_is_not_overridden(volume) -> None:
    report = volume.rows([{**PRESET_ROWS[1][1], "better": "x"}]).inspect(
        {"columnMapping": {"prompt": "question", "chosen": "better"}}
    )
    assert report.preset == "none"
    assert report.mapping.chosen == "better"


TRANSCRIPT = {"good": ASKED + " well", "bad": ASKED + " badly"}
PREFERENCE = {
    "context": turns("q"),
    "response1": "good",
    "response2": "bad",
    "overall_preference": -1,
}


def prompts(volume, dataset: dict[str, Any]) -> list[Any]:
    report = volume.inspect(dataset)
    assert report.valid, report.problems
    return [row["prompt"] for row in accepted_rows(spec_of(dataset), report, volume.volumes)]


def test_a_named_preset_reads_the_mapped_columns(volume) -> None:
    volume.rows([TRANSCRIPT])
    mapping = {"chosen": "good", "rejected": "bad"}
    dataset = {"preset": "hh-rlhf", "columnMapping": mapping, "eval": {"fraction": 0}}
    assert prompts(volume, dataset) == [turns("hi", "hello", "how?")]


def test_a_named_preset_names_the_mapped_columns(volume) -> None:
    volume.rows([TRANSCRIPT, {**TRANSCRIPT, "good": None}])
    mapping = {"chosen": "good", "rejected": "bad"}
    report = volume.inspect({"preset": "hh-rlhf", "columnMapping": mapping})
    assert codes(report) == {"NullValue": 1}
    assert "'good' is null" in report.errors[0].message


def test_a_mapped_prompt_of_signed_preferences_is_read(volume) -> None:
    row = {"ctx" if name == "context" else name: value for name, value in PREFERENCE.items()}
    dataset = {"preset": "helpsteer3", "columnMapping": {"prompt": "ctx"}, "eval": {"fraction": 0}}
    assert prompts(volume.rows([row]), dataset) == [turns("q")]


def test_a_prompt_column_beside_transcripts_is_refused(volume) -> None:
    row = {"chosen": ASKED + " well", "rejected": ASKED + " badly", "topic": "x"}
    report = volume.rows([row]).inspect({"preset": "hh-rlhf", "columnMapping": {"prompt": "topic"}})
    assert codes(report) == {"AmbiguousFormat": 0}
    assert "preset: none" in report.errors[0].message


@pytest.mark.parametrize(
    "row", [PREFERENCE, {"chosen": ASKED + " well", "rejected": ASKED + " badly"}]
)
@pytest.mark.parametrize("mapping", [{"system": "sys"}, {}])
def test_a_system_column_is_kept_under_a_preset(volume, row, mapping) -> None:
    volume.rows([{**row, mapping.get("system", "system"): "Be kind"}])
    (prompt,) = prompts(volume, {"columnMapping": mapping, "eval": {"fraction": 0}})
    assert prompt[0] == {"role": "system", "content": "Be kind"}
    assert len(prompt) > 1


def test_what_precedes_a_transcript_is_the_systems(volume) -> None:
    row = {"chosen": "Be kind" + ASKED + " well", "rejected": "Be kind" + ASKED + " badly"}
    (prompt,) = prompts(volume.rows([row]), {"eval": {"fraction": 0}})
    assert prompt == [{"role": "system", "content": "Be kind"}, *turns("hi", "hello", "how?")]
