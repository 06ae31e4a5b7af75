"""Message lists that a CSV file or a careless script made text of are no plain answers."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from tests.kit.inspection.volume_fixture import codes


def user(text: str) -> dict[str, str]:
    return {"role": "user", "content": text}


def assistant(text: str) -> dict[str, str]:
    return {"role": "assistant", "content": text}


def as_numpy(turns: list[Any]) -> str:
    return "[" + "\n ".join(map(repr, turns)) + "]"


WRITERS: dict[str, Callable[[Any], str]] = {"json": json.dumps, "python": repr, "numpy": as_numpy}
PAIR = {"prompt": "q", "chosen": "yes", "rejected": "no"}
WHOLE = {
    "chosen": [user("it's \\d"), assistant("yes")],
    "rejected": [user("it's \\d"), assistant("no")],
}
ANSWERS = {"prompt": "q", "chosen": [assistant("yes")], "rejected": [assistant("no")]}
ASKED = {**PAIR, "prompt": [user("a"), assistant("b"), user("c")]}


def text_of(row: dict[str, Any], write: Callable[[Any], str]) -> dict[str, str]:
    return {name: write(part) if isinstance(part, list) else part for name, part in row.items()}


@pytest.mark.parametrize("write", WRITERS)
@pytest.mark.parametrize(
    ("row", "column"), [(WHOLE, "chosen"), (ANSWERS, "chosen"), (ASKED, "prompt")]
)
def test_a_list_written_as_text_is_named_with_the_remedy(volume, row, column, write) -> None:
    report = volume.rows([text_of(row, WRITERS[write])] * 3).inspect()
    assert codes(report)["WrongType"] == 3
    assert f"{column!r} is a message list written as text; write lists" in report.errors[0].message


def test_other_names_for_roles_are_known_too(volume) -> None:
    lists = [
        json.dumps([{"from": "human", "value": "q"}, {"from": "gpt", "value": text}])
        for text in "ab"
    ]
    report = volume.rows([{"chosen": lists[0], "rejected": lists[1]}]).inspect()
    assert codes(report)["WrongType"] == 1


def test_a_prompt_as_text_beside_lists_of_messages_is_named(volume) -> None:
    report = volume.rows([{**ANSWERS, "prompt": json.dumps([user("q")])}]).inspect()
    assert codes(report)["WrongType"] == 1


PLAIN = [
    '[{"city": "Rome"}]',
    '[{"role": "admin", "content": "x"}]',
    '[{"role": "user"',
    "[{1: 2}]",
    "[{[1]: 2}]",
    "[{'role': user}]",
    "[{" * 5000,
    '[{"role": ["user"], "content": ""}]',
    "[INST] hi [/INST] so",
    "[",
]


@pytest.mark.parametrize("answer", PLAIN)
def test_other_text_in_brackets_is_an_answer(volume, answer) -> None:
    rows = [{"prompt": answer, "chosen": answer, "rejected": answer + " no"}]
    assert volume.rows(rows).inspect().valid


def test_one_answer_may_be_such_a_list(volume) -> None:
    """Where the task is to write one, the other answer is seldom right."""
    good = json.dumps([user("q"), assistant("a")])
    assert (
        volume.rows([{"prompt": "As chat JSON", "chosen": good, "rejected": "no"}]).inspect().valid
    )


@pytest.mark.parametrize("write", [json.dumps, repr])
@pytest.mark.parametrize("turns", [1, 2])
def test_lists_of_texts_written_as_text_are_named(volume, turns: int, write) -> None:
    row = {name: write([f"{text} 'x'"] * turns) for name, text in PAIR.items()}
    report = volume.rows([row] * 3).inspect()
    assert codes(report)["WrongType"] == 3
    assert "json.loads each value" in report.errors[0].message


def test_answers_that_are_lists_because_the_prompt_asks_for_them_are_texts(volume) -> None:
    row = {"prompt": "Name two as JSON.", "chosen": '["a", "b"]', "rejected": '["a"]'}
    assert volume.rows([row]).inspect().valid
