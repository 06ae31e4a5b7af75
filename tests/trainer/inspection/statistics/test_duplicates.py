"""Duplicates are rows of the same content, tool calls included; each is reported in the split it is in."""

from __future__ import annotations

from typing import Any

from tests.kit.inspection.volume_fixture import warnings_by_code


def turn(**keys: Any) -> dict[str, Any]:
    return {"role": "assistant", **keys}


def call(**arguments: Any) -> dict[str, Any]:
    named = {"name": "weather", "arguments": arguments}
    return turn(tool_calls=[{"type": "function", "function": named}])


def asked(chosen: dict[str, Any], rejected: dict[str, Any]) -> dict[str, Any]:
    prompt = [{"role": "user", "content": "and in town?"}]
    return {"prompt": prompt, "chosen": [chosen], "rejected": [rejected]}


def test_calls_with_other_arguments_are_no_duplicates(volume) -> None:
    rows = [asked(call(city=city), turn(content="no idea")) for city in ("Rome", "Paris", "Oslo")]
    report = volume.rows(rows).inspect()
    assert report.valid
    assert report.quality.duplicate_rows == 0


def test_the_same_call_twice_is_a_duplicate(volume) -> None:
    rows = [asked(call(city="Rome"), turn(content="no idea"))] * 2
    assert volume.rows(rows).inspect().quality.duplicate_rows == 1


def test_a_pair_of_calls_in_both_orders_is_a_contradiction(volume) -> None:
    one, other = call(city="Rome"), call(city="Oslo")
    report = volume.rows([asked(one, other), asked(other, one)]).inspect()
    assert report.quality.contradictory_pairs == 1
    assert "DuplicateRow" not in warnings_by_code(report)


def test_answers_that_differ_in_their_reasoning_are_no_duplicates(volume) -> None:
    rows = [
        asked(turn(content="yes", reasoning_content=thought), turn(content="no"))
        for thought in ("because of this", "because of that")
    ]
    assert volume.rows(rows).inspect().quality.duplicate_rows == 0


def test_a_leak_is_a_share_of_the_evaluation_split_and_names_it(volume) -> None:
    rows = [{"prompt": f"q {i}", "chosen": f"yes {i}", "rejected": f"no {i}"} for i in range(40)]
    volume.rows(rows[:30]).rows([*rows[30:], *rows[:2]], "test.jsonl")
    leak = warnings_by_code(volume.inspect({"eval": {"split": "test"}}))["EvalOverlap"]
    assert leak.message.startswith("2 rows (16.7%) of the evaluation split")
    assert (leak.split, leak.examples) == ("test", [10, 11])


def test_a_problem_names_the_split_of_its_rows(volume) -> None:
    row = {"prompt": "q", "chosen": "yes", "rejected": "no"}
    volume.rows([row, {**row, "chosen": ""}]).rows([row, {**row, "chosen": None}], "test.jsonl")
    report = volume.inspect({"eval": {"split": "test"}})
    assert {problem.code.value: problem.split for problem in report.errors} == {
        "EmptyText": None,
        "NullValue": "test",
    }
