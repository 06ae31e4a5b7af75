"""Known layouts are recognised by their schema, and their traps are known."""

from __future__ import annotations

from typing import Any

import pytest
from tests.kit.inspection.volume_fixture import codes, spec_of

from dpojob_trainer.inspection import InspectionError, accepted_rows
from dpojob_trainer.inspection.layouts import PRESETS


def turns(*texts: str) -> list[dict[str, str]]:
    roles = ("user", "assistant")
    return [{"role": roles[i % 2], "content": text} for i, text in enumerate(texts)]


def answer(text: str) -> list[dict[str, str]]:
    return [{"role": "assistant", "content": text}]


ASKED = "\n\nHuman: hi\n\nAssistant: hello\n\nHuman: how?\n\nAssistant:"
EXPECTED = {"prompt": "q", "chosen": "good", "rejected": "bad"}
LAYOUTS: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    (
        "hh-rlhf",
        {"chosen": ASKED + " well", "rejected": ASKED + " badly"},
        {"prompt": turns("hi", "hello", "how?"), "chosen": answer("well"), "rejected": answer("badly")},
    ),
    (
        "orca",
        {"system": "be kind", "question": "q", "chosen": "good", "rejected": "bad"},
        {"prompt": "be kind\n\nq", "chosen": "good", "rejected": "bad"},
    ),
    (
        "orca",
        {"system": "", "question": "q", "chosen": "good", "rejected": "bad"},
        EXPECTED,
    ),
    (
        "ultrafeedback-preferences",
        {
            "source": "s", "instruction": "q", "chosen_response": "good", "rejected_response": "bad",
            "chosen_avg_rating": 5.0, "rejected_avg_rating": 2.5, "chosen_model": "m",
        },
        EXPECTED,
    ),
    (
        "ultrafeedback-cleaned",
        {
            "source": "s", "prompt": "q", "chosen": turns("q", "good"), "chosen-rating": 5.0,
            "chosen-model": "m", "rejected": turns("q", "bad"), "rejected-rating": 1.0,
            "rejected-model": "n",
        },
        {"prompt": turns("q"), "chosen": answer("good"), "rejected": answer("bad")},
    ),
    (
        "ultrafeedback-binarized",
        {
            "prompt": "q", "prompt_id": "1", "chosen": turns("q", "good"), "rejected": turns("q", "bad"),
            "messages": turns("q", "good"), "score_chosen": 8.0, "score_rejected": 3.0,
        },
        {"prompt": turns("q"), "chosen": answer("good"), "rejected": answer("bad")},
    ),
    (
        "ultrafeedback-trl",
        {"chosen": turns("q", "good"), "rejected": turns("q", "bad"), "score_chosen": 8.0, "score_rejected": 3.0},
        {"prompt": turns("q"), "chosen": answer("good"), "rejected": answer("bad")},
    ),
    (
        "distilabel-orca",
        {
            "system": "be kind", "input": "q", "chosen": "good", "rejected": "bad", "status": "unchanged",
            "chosen_score": 9.0,
        },
        {"prompt": "be kind\n\nq", "chosen": "good", "rejected": "bad"},
    ),
    (
        "orpo-mix",
        {"source": "s", "prompt": "q", "chosen": turns("q", "good"), "rejected": turns("q", "bad")},
        {"prompt": turns("q"), "chosen": answer("good"), "rejected": answer("bad")},
    ),
    (
        "helpsteer3",
        {
            "domain": "code", "language": "en", "context": turns("a", "b", "q"), "response1": "good",
            "response2": "bad", "overall_preference": -2,
        },
        {"prompt": turns("a", "b", "q"), "chosen": answer("good"), "rejected": answer("bad")},
    ),
    (
        "helpsteer3",
        {"context": turns("q"), "response1": "bad", "response2": "good", "overall_preference": 3},
        {"prompt": turns("q"), "chosen": answer("good"), "rejected": answer("bad")},
    ),
    (
        "openai",
        {
            "input": {"messages": turns("q"), "tools": [], "parallel_tool_calls": True},
            "preferred_output": answer("good"), "non_preferred_output": answer("bad"),
        },
        {"prompt": turns("q"), "chosen": answer("good"), "rejected": answer("bad")},
    ),
    (
        "chosen-rejected-roles",
        {
            "conversations": [
                {"from": "human", "value": "q"},
                {"from": "chosen_gpt", "value": "good"},
                {"from": "rejected_gpt", "value": "bad"},
            ]
        },
        {"prompt": turns("q"), "chosen": answer("good"), "rejected": answer("bad")},
    ),
    (
        "ms-swift",
        {"messages": turns("q", "good"), "rejected_response": "bad or worse"},
        {"prompt": turns("q"), "chosen": answer("good"), "rejected": answer("bad or worse")},
    ),
    (
        "arena-55k",
        {"model_a": "m", "model_b": "n", "prompt": '["q"]', "response_a": '["bad"]', "response_b": '["good"]',
         "winner_model_a": 0, "winner_model_b": 1, "winner_tie": 0},
        {"prompt": turns("q"), "chosen": answer("good"), "rejected": answer("bad")},
    ),
    (
        "nemo",
        {"context": "q", "chosen_response": "good", "rejected_response": "bad", "chosen_rating": 4,
         "rejected_rating": "2"},
        EXPECTED,
    ),
    (
        "nemo-aligner",
        {"prompt": "q", "chosen_response": "good", "rejected_response": "bad", "chosen_reward": 4,
         "rejected_reward": 2},
        EXPECTED,
    ),
    (
        "code-preference",
        {"input": "q", "accepted": "good", "rejected": "bad", "ID": 7},
        EXPECTED,
    ),
]  # fmt: skip


@pytest.mark.parametrize(("name", "row", "expected"), LAYOUTS, ids=[case[0] for case in LAYOUTS])
def test_a_layout_is_recognised_and_read(volume, name, row, expected) -> None:
    # Only the roles of messages show these, so they are suggested, not recognised.
    named = {"preset": name} if name in ("chosen-rejected-roles", "ms-swift") else {}
    dataset = {"eval": {"fraction": 0}, **named}
    if named:
        assert volume.rows([row] * 3).inspect().suggestion.preset == name
    report = volume.rows([row] * 3).inspect(dataset)
    assert report.valid, report.problems
    assert report.preset == name
    found = list(accepted_rows(spec_of(dataset), report, volume.volumes))
    assert found == [expected] * 3


def test_every_preset_is_tested() -> None:
    assert {name for name, _, _ in LAYOUTS} == {preset.name for preset in PRESETS}


TIES = [
    ("ultrafeedback-preferences", {"rejected_avg_rating": 5.0}),
    ("ultrafeedback-cleaned", {"rejected-rating": 5.0}),
    ("ultrafeedback-binarized", {"score_rejected": 8.0}),
    ("ultrafeedback-trl", {"score_rejected": 8.0}),
    ("nemo", {"rejected_rating": "4.0"}),
    ("nemo-aligner", {"rejected_reward": 4}),
    ("distilabel-orca", {"status": "tie"}),
    ("helpsteer3", {"overall_preference": 0}),
]


@pytest.mark.parametrize(("name", "tie"), TIES)
def test_ties_are_left_out_and_counted(volume, name, tie) -> None:
    row = next(row for preset, row, _ in LAYOUTS if preset == name)
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
    report = volume.rows([LAYOUTS[1][1]]).inspect({"preset": "none"})
    assert report.preset == "none"
    assert "columnMapping: {prompt: question}" in report.errors[0].message


def test_a_named_preset_that_does_not_fit(volume) -> None:
    report = volume.rows([EXPECTED]).inspect({"preset": "orca"})
    assert "question" in report.errors[0].message


def test_an_unknown_preset(volume) -> None:
    with pytest.raises(InspectionError, match="did you mean 'orca'"):
        volume.rows([EXPECTED]).inspect({"preset": "orka"})


def test_a_mapping_in_the_spec_is_not_overridden(volume) -> None:
    report = volume.rows([{**LAYOUTS[1][1], "better": "x"}]).inspect(
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
