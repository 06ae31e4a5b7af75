"""Rows of tuning services, NeMo and published comparisons that hold no pair, and what is said of them."""

from __future__ import annotations

from typing import Any

import pytest
from tests.kit.inspection.preset_rows import PRESET_ROWS
from tests.kit.inspection.preset_rows.services import (
    bedrock,
    candidate,
    completion,
    parts,
    scored,
)
from tests.kit.inspection.volume_fixture import codes, spec_of

from dpojob_trainer.inspection import accepted_rows

ROWS = {name: row for name, row, _ in PRESET_ROWS}
TWO = [completion(0, "a"), completion(1, "b")]
IMAGE = {"role": "user", "parts": [{"fileData": {"fileUri": "gs://b/i.png"}}]}
BOTH = (candidate("a", "preferred"), candidate("b", "non-preferred"))

BAD: list[tuple[str, dict[str, Any], str, str]] = [
    ("nemo-rl", {"completions": [*TWO, completion(2, "c")]}, "WrongType", "holds 3 completions"),
    ("nemo-rl", {"completions": TWO[:1]}, "WrongType", "holds 1 completions"),
    ("nemo-rl", {"completions": ["a", "b"]}, "WrongType", "not a list of objects"),
    ("nemo-rl", {"completions": None}, "NullValue", "has no completions"),
    ("nemo-rl", {"completions": [completion(None, "a"), TWO[1]]}, "NullValue", "no number as 'rank'"),
    ("nemo-rl", {"completions": [{"rank": 0}, TWO[1]]}, "NullValue", "'completions' is null"),
    ("vertex", {"completions": [scored(None, "a"), scored(0, "b")]}, "NullValue", "no number as 'score'"),
    ("vertex", {"contents": [IMAGE]}, "BadMessage", "a part that is no text"),
    ("vertex", {"contents": "q"}, "WrongType", "does not hold messages"),
    ("vertex", {"contents": [parts("user")]}, "WrongType", "as 'parts'"),
    ("vertex", {"completions": [{"score": 1}, scored(0, "b")]}, "WrongType", "does not hold messages"),
    ("vertex", {"systemInstruction": {"parts": [{}]}}, "BadMessage", "a part that is no text"),
    ("bedrock", bedrock(BOTH[0], BOTH[0]), "WrongType", "has the preferenceLabel 'preferred'"),
    ("bedrock", bedrock(BOTH[0]), "WrongType", "holds 1 candidates"),
    ("bedrock", bedrock(*BOTH, BOTH[1]), "WrongType", "holds 3 candidates"),
    ("bedrock", {"messages": [{"role": "user", "content": [{"text": "q"}]}]}, "NullValue", "has no candidates"),
    ("bedrock", {"messages": []}, "WrongType", "is not a list of messages"),
    ("bedrock", {"system": [{"image": "x"}]}, "BadMessage", "a part that is no text"),
    ("summarize-from-feedback", {"choice": 2}, "WrongType", "neither 0 nor 1"),
    ("summarize-from-feedback", {"choice": None}, "WrongType", "neither 0 nor 1"),
    ("summarize-from-feedback", {"summaries": [{"text": "a"}]}, "WrongType", "the texts of two summaries"),
    ("summarize-from-feedback", {"info": {"title": "t", "post": " "}}, "EmptyPrompt", "neither a post nor"),
    ("webgpt", {"score_0": None}, "NullValue", "is null or not a number"),
    ("webgpt", {"question": {"full_text": ""}}, "EmptyPrompt", "'question.full_text'"),
    ("helpsteer2", {"preference_strength": None}, "NullValue", "'preference_strength' is null"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "change", "code", "phrase"), BAD)
def test_a_row_without_a_pair_is_an_error_of_that_row(volume, name, change, code, phrase) -> None:
    row = ROWS[name]
    report = volume.rows([row, {**row, **change}, row]).inspect({"preset": name})
    assert codes(report) == {code: 1}
    assert report.errors[0].examples == [1]
    assert phrase in report.errors[0].message


def pair_of(volume, row: dict[str, Any], **dataset: Any) -> dict[str, Any]:
    dataset |= {"eval": {"fraction": 0}}
    report = volume.rows([row] * 3).inspect(dataset)
    assert report.valid, report.problems
    return next(iter(accepted_rows(spec_of(dataset), report, volume.volumes)))


@pytest.mark.parametrize(
    ("name", "system"), [("vertex", "systemInstruction"), ("bedrock", "system")]
)
def test_a_service_needs_no_system_text(volume, name: str, system: str) -> None:
    for row in (ROWS[name] | {system: None}, {k: v for k, v in ROWS[name].items() if k != system}):
        assert pair_of(volume, row, preset=name)["prompt"] == [{"role": "user", "content": "q"}]


def test_earlier_turns_of_a_service_are_kept(volume) -> None:
    contents = [parts("user", "one, ", "two"), parts("model", "three"), parts("user", "q")]
    prompt = pair_of(volume, ROWS["vertex"] | {"contents": contents})["prompt"]
    assert [message["role"] for message in prompt] == ["system", "user", "assistant", "user"]
    assert prompt[1]["content"] == "one, two"


def test_a_conversation_of_a_service_without_candidates_is_for_another_method(volume) -> None:
    answers = {"role": "assistant", "content": [{"text": "a"}]}
    row = ROWS["bedrock"] | {"messages": [ROWS["bedrock"]["messages"][0], answers]}
    report = volume.rows([row] * 3).inspect()
    assert codes(report) == {"NotPreference": 0}
    assert "an SFT dataset" in report.errors[0].message


def test_an_article_is_summarized_where_there_is_no_post(volume) -> None:
    row = ROWS["summarize-from-feedback"] | {"info": {"post": None, "article": "long"}}
    assert pair_of(volume, row)["prompt"] == "Article: long\n\nTL;DR:"


@pytest.mark.parametrize(
    "prompt",
    [
        "q",
        "<extra_id_1>User\nq",
        "<extra_id_1>Tool\nq\n<extra_id_1>Assistant\n",
        "text <extra_id_1>User\nq\n<extra_id_1>Assistant\n",
    ],
)
def test_a_text_of_nemo_that_is_no_list_of_turns_stays_as_it_is(volume, prompt: str) -> None:
    row = ROWS["nemo-aligner"] | {"prompt": prompt}
    dataset = {"preset": "nemo-aligner", "eval": {"fraction": 0}}
    report = volume.rows([row]).inspect(dataset)
    (found,) = accepted_rows(spec_of(dataset), report, volume.volumes)
    assert (found["prompt"], found["chosen"]) == (prompt, "good")
