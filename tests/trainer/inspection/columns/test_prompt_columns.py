"""A prompt is not lost to a column of kinds, to one that no mapping names, or inside an object or a conversation."""

from __future__ import annotations

from typing import Any

import pytest
from tests.kit.inspection.follow_suggestion import follow
from tests.kit.inspection.volume_fixture import spec_of

from dpojob_trainer.inspection import accepted_rows, inspect

ROWS = 12
ANSWERS = [{"chosen": f"It is {n}.", "rejected": f"Not {n}, I guess."} for n in range(ROWS)]
KINDS = ("Coding", "Math_CoT", "Logic")
QUESTIONS = [f"What is number {n}?" for n in range(ROWS)]
NAMES = [f"q{n}" for n in range(ROWS)]


def joined(**columns: list[Any]) -> list[dict[str, Any]]:
    """The answers beside these columns, which come first."""
    rows = [
        dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)
    ]
    return [row | answers for row, answers in zip(rows, ANSWERS, strict=True)]


KIND = [KINDS[n % 3] for n in range(ROWS)]
TALK = [[{"from": "user", "value": question}] for question in QUESTIONS]


@pytest.mark.parametrize(
    "columns",
    [
        {"task": KIND, "trajectory": TALK},
        {"task": KIND, "source_text": QUESTIONS},
        {"task": KIND, "document": QUESTIONS},
        {"question": [{"id": name, "full_text": text} for name, text in zip(NAMES, QUESTIONS, strict=True)]},
    ],
    ids=lambda columns: "-".join(columns),
)  # fmt: skip
def test_the_column_with_the_question_is_suggested(volume, columns: dict[str, list[Any]]) -> None:
    volume.rows(joined(**columns))
    whole = {"eval": {"fraction": 0}}
    report = volume.inspect(whole)
    assert not report.valid and report.suggestion is not None
    spec = follow(spec_of(whole), report.suggestion)
    report = inspect(spec, volume.volumes)
    assert report.valid, report.errors
    prompts = [row["prompt"] for row in accepted_rows(spec, report, volume.volumes)]
    assert [p if isinstance(p, str) else p[-1]["content"] for p in prompts] == QUESTIONS


def test_a_column_of_kinds_alone_is_asked_about(volume) -> None:
    report = volume.rows(joined(task=KIND)).inspect()
    assert not report.valid and report.suggestion is None


def test_a_conversation_that_ends_with_an_answer_is_not_the_prompt(volume) -> None:
    talks = [[*talk, {"from": "assistant", "value": "so"}] for talk in TALK]
    report = volume.rows(joined(task=KIND, trajectory=talks)).inspect()
    assert report.suggestion is None


@pytest.mark.parametrize("prompt", ["You are a helpful assistant.", "template_7"])
def test_a_question_beside_the_prompt_is_warned_about(volume, prompt: str) -> None:
    report = volume.rows(joined(prompt=[prompt] * ROWS, question=QUESTIONS)).inspect()
    (warning,) = [p.message for p in report.warnings if p.code == "MissingColumn"]
    assert "columnMapping: {prompt: [prompt, question]}" in warning


@pytest.mark.parametrize("name", ["question", "instruction", "prefix"])
def test_a_part_that_the_prompt_contains_is_not_warned_about(volume, name: str) -> None:
    whole = [f"Reply briefly. {question}" for question in QUESTIONS]
    report = volume.rows(joined(prompt=whole, **{name: QUESTIONS})).inspect()
    assert [p for p in report.warnings if p.code == "MissingColumn"] == []
    report = volume.rows(joined(prompt=NAMES, **{name: QUESTIONS})).inspect()
    assert [p for p in report.warnings if p.code == "MissingColumn"] != []
