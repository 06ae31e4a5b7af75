"""Prompts for an evaluation are held out, whatever their spelling, and counted before a GPU is asked for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.kit.inspection.volume_fixture import InspectionVolume

from dpojob_trainer.inspection.scan import PromptFileError
from dpojob_trainer.inspection.scan.evaluation_prompts import (
    FIRST_BLOCK,
    prompts_of_file,
    unseen_rows,
)

REWARD = {"rewardModel": {"volume": {"claimName": "data", "path": "reward"}}}
EVAL = {"eval": {"split": "test"}}


def rows(*prompts: Any) -> list[dict[str, Any]]:
    return [{"prompt": prompt, "chosen": "yes", "rejected": "no"} for prompt in prompts]


def test_a_prompt_that_is_trained_on_in_other_case_or_space_is_left_out() -> None:
    trained = rows("What is  a KETTLE?\n", "ﬁve?")
    held_out = rows("what is a kettle?", "Five?", "Where?")
    found = unseen_rows(held_out, trained, 10)
    assert [row["prompt"] for row in found] == ["Where?"]


def test_each_prompt_comes_once_and_at_most_as_many_as_asked_for() -> None:
    held_out = rows("a?", "A?", "b?", "c?", "d?")
    found = unseen_rows(held_out, rows("b?"), 2)
    assert [row["prompt"] for row in found] == ["a?", "c?"]


def test_held_out_rows_are_read_on_where_the_first_ones_are_trained_on() -> None:
    trained = rows(*(f"trained {number}?" for number in range(3 * FIRST_BLOCK)))
    held_out = [*trained, *rows("a?", "b?", "A?", "c?", "d?")]
    found = unseen_rows(held_out, trained, 3)
    assert [row["prompt"] for row in found] == ["a?", "b?", "c?"]
    assert len(unseen_rows(held_out, trained, 9)) == 4


@pytest.mark.parametrize(
    "line",
    [
        '{"prompt": "Café?"}'.encode("latin-1"),
        b"[" * 100_000,
        rb'{"prompt": "half a character: \ud800"}',
        rb'{"prompt": [{"role": "user", "content": "\ud800"}]}',
    ],
)
def test_a_line_that_cannot_be_decoded_is_named(tmp_path: Path, line: bytes) -> None:
    path = tmp_path / "prompts.jsonl"
    path.write_bytes('{"prompt": "Café?"}\n'.encode() + line)
    with pytest.raises(PromptFileError, match=r"line 2 of prompts.jsonl holds no prompt"):
        list(prompts_of_file(path, messages=False))


def test_conversations_are_compared_with_their_roles() -> None:
    user, system = {"role": "user", "content": "Hi"}, {"role": "system", "content": "Hi"}
    found = unseen_rows(rows([user], [system]), rows([user]), 5)
    assert [row["prompt"] for row in found] == [[system]]


def message(content: str, role: str = "user", **fields: Any) -> dict[str, Any]:
    return {"role": role, "content": content, **fields}


@pytest.mark.parametrize(
    ("trained", "held_out"),
    [
        ([message("Where is\nit?")], [message("Where is it?")]),
        ([message("Where\tis it?")], [message("where is  it?")]),
        ([message("Where is it? ")], [message("Where is it?\n\n")]),
        ([message("Where\\nis it?")], [message("Where\\nis it? ")]),
        ([message("Where is it?")], [{"content": "Where is it?", "role": "user"}]),
        ([message("Where is it?", name=None)], [message("Where is it?")]),
        (
            [message("Be\tkind.", "system"), message("Hi")],
            [message("be kind.", "system"), message("Hi\n")],
        ),
        ("Where is\nit?", [message("Where is it?")]),
        ([message("Where is it?\r\n")], "Where is it?"),
    ],
)
def test_conversations_are_compared_without_the_white_space_inside_their_messages(
    trained: Any, held_out: Any
) -> None:
    assert unseen_rows(rows(held_out), rows(trained), 5) == []


@pytest.mark.parametrize(
    ("trained", "held_out"),
    [
        ([message("Where\\nis it?")], [message("Where is it?")]),
        ([message("Hi"), message("Yes?", "assistant")], [message("Hi"), message("Yes?")]),
        ([message("a b")], [message("a"), message("b")]),
        ("Where is it?", [message("Where is it?", "system")]),
    ],
)
def test_other_conversations_stay_held_out(trained: Any, held_out: Any) -> None:
    assert len(unseen_rows(rows(held_out), rows(trained), 5)) == 1


def test_the_same_conversation_with_other_tools_is_another_prompt() -> None:
    def with_tools(*tools: Any) -> list[dict[str, Any]]:
        return [{**row, "tools": json.dumps(tools)} for row in rows([message("Hi")])]

    first = {"name": "look", "parameters": {"type": "object"}}
    reordered = {"parameters": {"type": "object"}, "name": "look"}
    assert unseen_rows(with_tools(reordered), with_tools(first), 5) == []
    assert len(unseen_rows(with_tools({"name": "find"}), with_tools(first), 5)) == 1


def warnings_of(
    volume: InspectionVolume, trained: list[str], held_out: list[str], **evaluation: Any
) -> list[str]:
    """The warnings of prompts, with the training and the test split of these."""
    volume.rows(rows(*trained)).rows(rows(*held_out), "test.jsonl")
    report = volume.inspect(EVAL, evaluation={"judge": REWARD, **evaluation})
    assert report.valid, report.problems
    return [p.message for p in report.warnings if str(p.code) == "UnusablePrompts"]


def numbered(text: str, count: int) -> list[str]:
    return [f"{text} {number}?" for number in range(count)]


def test_different_prompts_that_are_not_trained_on_are_counted(volume: InspectionVolume) -> None:
    trained = numbered("Trained", 30)
    held_out = [*numbered("New", 19), *numbered("NEW ", 19), *numbered("trained", 30)]
    (message,) = warnings_of(volume, trained, held_out)
    assert (
        "The held-out prompts are 19 once those that repeat or are trained on are left out"
        in message
    )
    assert "a verdict needs 20" in message and "Improved will stay Unknown" in message
    assert warnings_of(volume, trained, [*held_out, "One more?"]) == []
    # So few are all for the verdict.
    assert warnings_of(volume, trained, [*held_out, "One more?"], everyEval=True) == []
    (message,) = warnings_of(volume, trained, held_out, everyEval=True)
    assert "prompts are 19 once" in message
    tasks = volume.inspect(EVAL, evaluation={"tasks": [{"name": "mmlu"}]})
    assert not [p for p in tasks.warnings if str(p.code) == "UnusablePrompts"]


def test_prompts_of_a_file_count_and_its_problems_are_known_before_a_gpu_is_asked_for(
    volume: InspectionVolume,
) -> None:
    place = {"volume": {"claimName": "data", "path": "prompts.jsonl"}, "fromEval": False}
    trained = numbered("Trained", 30)
    (message,) = warnings_of(volume, trained, numbered("New", 40), prompts=place)
    assert "evaluation.prompts.volume: prompts.jsonl: No such file" in message
    lines = [json.dumps({"prompt": prompt}) for prompt in [*numbered("File", 20), *trained]]
    (volume.root / "prompts.jsonl").write_text("\n".join(lines))
    assert warnings_of(volume, trained, numbered("New", 40), prompts=place) == []
    (volume.root / "prompts.jsonl").write_text("\n".join([*lines[1:], "[]"]))
    (message,) = warnings_of(volume, trained, numbered("New", 40), prompts=place)
    assert "line 50 of prompts.jsonl holds no prompt" in message
