"""Rows in the manner of published sets: valid at once or after the suggestion, each with its own two answers."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.kit.inspection.dataset_layouts import last_text
from tests.kit.inspection.follow_suggestion import follow
from tests.kit.inspection.volume_fixture import codes, spec_of

from dpojob_trainer.inspection import accepted_rows, inspect

Row = dict[str, Any]
COUNT = 12


def ask(n: int) -> str:
    return f"What is the number {n}?"


def good(n: int) -> str:
    return f"It is the good number {n}."


def bad(n: int) -> str:
    return f"No idea, bad number {n}."


def user(text: str) -> Row:
    return {"role": "user", "content": text}


def assistant(text: str) -> Row:
    return {"role": "assistant", "content": text}


def pairs_of(volume, rows: list[Row]) -> list[Row]:
    """The accepted rows, with no suggestion or with the one that the report prints."""
    volume.rows(rows)
    spec = spec_of({"eval": {"fraction": 0}})
    report = inspect(spec, volume.volumes)
    if not report.valid:
        assert report.suggestion is not None, report.errors[0].message
        spec = follow(spec, report.suggestion)
        report = inspect(spec, volume.volumes)
    assert report.valid, [problem.message for problem in report.errors]
    return list(accepted_rows(spec, report, volume.volumes))


def swift(n: int) -> Row:
    talk = [user(f"hello {n}"), assistant("hi"), user(ask(n)), assistant(good(n))]
    return {"messages": talk, "rejected_response": bad(n)}


def sharegpt(n: int) -> Row:
    talk = [{"from": "human", "value": ask(n)}, {"from": "gpt", "value": good(n)}]
    return {"conversations": talk, "rejected_response": bad(n)}


NAMED: dict[str, tuple[str, str, str]] = {
    "letters": ("x", "yw", "yl"),
    "letters with underscores": ("prompt", "y_w", "y_l"),
    "chinese": ("问题", "优选", "拒绝"),
    "chinese answers": ("指令", "好回答", "差回答"),
    "chinese choice": ("提示", "选择", "拒绝"),
    "chinese, the worse one first": ("问题", "好的回答", "差的回答"),
}
LAYOUTS: dict[str, list[Row]] = {
    "ms-swift": [swift(n) for n in range(COUNT)],
    "ms-swift with other names": [sharegpt(n) for n in range(COUNT)],
    "ms-swift, two conversations": [
        {"messages": [user(ask(n)), assistant(good(n))], "rejected_messages": [user(ask(n)), assistant(bad(n))]}
        for n in range(COUNT)
    ],
    **{
        name: [{rejected: bad(n), chosen: good(n), prompt: ask(n)} for n in range(COUNT)]
        for name, (prompt, chosen, rejected) in NAMED.items()
    },
}  # fmt: skip


@pytest.mark.parametrize("name", LAYOUTS)
def test_each_row_keeps_its_own_answers(volume, name: str) -> None:
    found = pairs_of(volume, LAYOUTS[name])
    assert [
        (last_text(r["prompt"]), last_text(r["chosen"]), last_text(r["rejected"])) for r in found
    ] == [(ask(n), good(n), bad(n)) for n in range(COUNT)]


def test_a_conversation_keeps_its_earlier_turns(volume) -> None:
    (first, *_) = pairs_of(volume, LAYOUTS["ms-swift"])
    assert first["prompt"] == [user("hello 0"), assistant("hi"), user(ask(0))]


def test_a_conversation_that_ends_with_the_user_holds_no_answer(volume) -> None:
    rows = [{"messages": [user(ask(n))], "rejected_response": bad(n)} for n in range(COUNT)]
    report = volume.rows(rows).inspect()
    assert report.suggestion is None and "MissingColumn" in codes(report)
    few = [*map(swift, range(COUNT)), *rows[:1]]
    report = volume.rows(few).inspect({"preset": "ms-swift"})
    assert codes(report) == {"LastTurnNotAssistant": 1}


def test_a_column_that_names_the_worse_answer_is_no_answer(volume) -> None:
    rows = [{"messages": swift(n)["messages"], "loser": "ab"[n % 2]} for n in range(COUNT)]
    assert volume.rows(rows).inspect().suggestion is None


def vote(n: int, *, turns: bool = False, text: bool = False) -> Row:
    """The second answer is the better one in odd rows; every fifth row is a tie."""
    outcome = "tie" if n % 5 == 0 else "ab"[n % 2]
    answers = [good(n), bad(n)] if n % 2 == 0 else [bad(n), good(n)]

    def listed(value: str) -> str:
        return value if text else json.dumps(["hello", value] if turns else [value])

    return {
        "id": n, "model_a": "m", "model_b": "n", "prompt": listed(ask(n)), "response_a": listed(answers[0]),
        "response_b": listed(answers[1]), "winner_model_a": int(outcome == "a"),
        "winner_model_b": int(outcome == "b"), "winner_tie": int(outcome == "tie"),
    }  # fmt: skip


@pytest.mark.parametrize("form", [{}, {"text": True}, {"turns": True}])
def test_the_arena_votes_decide_each_row(volume, form: dict[str, bool]) -> None:
    found = pairs_of(volume, [vote(n, **form) for n in range(COUNT)])
    assert [
        (last_text(r["prompt"]), last_text(r["chosen"]), last_text(r["rejected"])) for r in found
    ] == [(ask(n), good(n), bad(n)) for n in range(COUNT) if n % 5]


def test_a_vote_without_an_outcome_or_without_an_answer_is_an_error(volume) -> None:
    rows = [vote(n) for n in range(COUNT)]
    rows[1] |= {"winner_model_b": 0}
    rows[2] |= {"winner_model_b": 1}
    rows[3] |= {"response_a": "[null]"}
    rows[4] |= {"response_b": '["one", "two"]'}
    report = volume.rows(rows).inspect()
    assert {(str(problem.code), problem.rows) for problem in report.errors} == {
        ("WrongType", 3),
        ("BadMessage", 1),
    }
