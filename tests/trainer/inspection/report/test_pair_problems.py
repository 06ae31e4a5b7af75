"""Warnings about accepted rows that train something else than they say."""

from __future__ import annotations

from typing import Any

import pytest

SOUND = [{"prompt": f"q {n}", "chosen": f"yes {n}", "rejected": f"no {n}"} for n in range(5)]


def turn(role: str, content: str) -> dict[str, str]:
    return {"role": role, "content": content}


def warnings(report: Any) -> dict[str, Any]:
    assert report.valid, report.problems
    return {problem.code.value: problem for problem in report.warnings}


def test_a_users_turn_inside_an_answer(volume) -> None:
    opening = [turn("user", "q")]
    last_differs = {
        "chosen": [*opening, turn("assistant", "yes")],
        "rejected": [*opening, turn("assistant", "no")],
    }
    early = {
        side: [*opening, turn("assistant", side), turn("user", "and?"), turn("assistant", "so")]
        for side in ("chosen", "rejected")
    }
    report = volume.rows([last_differs, early, last_differs, early]).inspect()
    found = warnings(report)["UserTurnInAnswer"]
    assert (found.rows, found.examples) == (2, [1, 3])
    assert "2 rows (50.0%)" in found.message


def test_pairs_that_differ_in_white_space_only(volume) -> None:
    rows = [*SOUND, {"prompt": "q", "chosen": "a b\n", "rejected": "a  b"}]
    rows += [{"prompt": "q", "chosen": "a B", "rejected": "A b"}]
    rows += [{"prompt": "q", "chosen": "ab", "rejected": "a b"}]
    found = warnings(volume.rows(rows).inspect())["WhiteSpacePair"]
    assert (found.rows, found.examples) == (1, [5])


def test_answers_that_repeat_the_prompt_of_a_column(volume) -> None:
    asked = "What is a prime number?"
    rows = [
        *SOUND,
        {"prompt": asked, "chosen": f"{asked} One with two divisors.", "rejected": "No."},
    ]
    rows += [{"prompt": asked, "chosen": "One with two divisors.", "rejected": asked}]
    rows += [{"prompt": "Why", "chosen": "Why not: it rains.", "rejected": "Why? No idea."}]
    found = warnings(volume.rows(rows).inspect())["PromptInAnswer"]
    assert (found.rows, found.examples) == (2, [len(SOUND), len(SOUND) + 1])
    rows = [{part: f"{asked} {part}" for part in ("chosen", "rejected")}] * 3
    assert "PromptInAnswer" not in warnings(volume.rows(rows).inspect())


def test_an_accidental_beginning_is_no_prompt(volume) -> None:
    starts = ("The capital of", "I would say that", "Sure! Here")
    rows = [{"chosen": f"{start} is yes", "rejected": f"{start} was no"} for start in starts]
    found = warnings(volume.rows(rows).inspect())["AccidentalPrompt"]
    assert (found.rows, found.examples) == (3, [0, 1, 2])
    assert "columnMapping.prompt" in found.message


@pytest.mark.parametrize("prompt", ["What is the capital?", "Q: why\nA:", "为什么会这样？"])
def test_a_whole_question_before_the_answers_is_a_prompt(volume, prompt: str) -> None:
    rows = [{"chosen": f"{prompt} It is", "rejected": f"{prompt} No"}] * 3
    assert "AccidentalPrompt" not in warnings(volume.rows(rows).inspect())


@pytest.mark.parametrize(
    ("name", "warned"),
    [
        ("pairs_heldout.jsonl", True),
        ("held-out-pairs.jsonl", True),
        ("benchmark.jsonl", True),
        ("pairs-2.jsonl", False),
        ("latest.jsonl", False),
        ("devops.jsonl", False),
    ],
)
def test_held_out_files_among_those_to_train_on(volume, name: str, warned: bool) -> None:
    report = volume.rows(SOUND).rows(SOUND[:2], name).inspect({"eval": {"fraction": 0}})
    assert report.rows == 7
    found = warnings(report).get("HeldOutFile")
    assert (found is not None and name in found.message) is warned


def test_a_single_file_is_what_was_asked_for(volume) -> None:
    report = volume.rows(SOUND, "benchmark.jsonl").inspect({"eval": {"fraction": 0}})
    assert "HeldOutFile" not in warnings(report)


@pytest.mark.parametrize(("images", "valid"), [(None, True), (["a.png"], False)])
def test_only_a_column_of_images_with_values_is_refused(volume, images: Any, valid: bool) -> None:
    rows = [{**row, "images": None} for row in SOUND]
    rows[-1]["images"] = images
    report = volume.rows(rows).inspect()
    assert report.valid is valid
    assert ("ReservedColumn" in [problem.code for problem in report.errors]) is not valid
