"""Training reads back from its disk the very rows that were accepted, however late a key appears."""

from __future__ import annotations

from typing import Any

import pytest
from tests.kit.inspection.training_rows import loaded
from tests.kit.inspection.volume_fixture import InspectionVolume, spec_of

from dpojob_trainer.inspection import accepted_rows

pytestmark = pytest.mark.train

Row = dict[str, Any]
ALL = {"eval": {"fraction": 0}}
MANY = 2500
TOOL = {"type": "function", "function": {"name": "clock", "parameters": {}}}


def user(text: str, **more: Any) -> Row:
    return {"role": "user", "content": text, **more}


def assistant(text: str, **more: Any) -> Row:
    return {"role": "assistant", "content": text, **more}


def call(arguments: Any) -> Row:
    function = {"name": "f", "arguments": arguments}
    return {"role": "assistant", "tool_calls": [{"type": "function", "function": function}]}


def conversation(question: Row, reply: Row, **more: Any) -> Row:
    return {"prompt": [question], "chosen": [reply], "rejected": [assistant("no")], **more}


PLAIN = [conversation(user(f"q{i}"), assistant(f"yes {i}")) for i in range(MANY)]
ODD = {
    "tool calls": conversation(user("q"), call({"city": "Rome"})),
    "a name": conversation(user("q", name="Bob"), assistant("yes")),
    "thinking": conversation(user("q"), assistant("yes", thinking="hm")),
    "tools": conversation(user("q"), assistant("yes"), tools=[TOOL]),
}


def check(volume: InspectionVolume, rows: list[Row]) -> list[Row]:
    """The rows as training has them, which are those that were accepted."""
    report = volume.rows(rows).inspect(ALL)
    assert report.valid, report.problems
    accepted = list(accepted_rows(spec_of(ALL), report, volume.volumes))
    stored = list(loaded(volume.root, spec_of(ALL), report))
    assert [{**row, "tools": row.get("tools")} for row in accepted] == stored
    return stored


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("late", [False, True])
def test_a_key_of_one_row_among_thousands_stays_with_that_row(volume, odd, late) -> None:
    stored = check(volume, [*PLAIN, ODD[odd]] if late else [ODD[odd], *PLAIN])
    assert len(stored) == MANY + 1
    assert stored[1000]["tools"] is None and len(stored[1000]["prompt"][0]) == 2


def test_arguments_as_text_and_as_objects_stay_what_they_are(volume) -> None:
    """Text of a JSON object is read as the object before; other text has no other meaning."""
    arguments = ['{"x": 1}', {"x": 1}, "[1]"]
    stored = check(volume, [conversation(user(str(a)), call(a)) for a in arguments])
    functions = [row["chosen"][0]["tool_calls"][0]["function"] for row in stored]
    assert [function["arguments"] for function in functions] == [{"x": 1}, {"x": 1}, "[1]"]


def test_numbers_in_arguments_stay_exact(volume) -> None:
    numbers = {"x": 0.1 + 0.2, "big": 2**70, "whole": 1.0, "flag": True}
    (stored,) = check(volume, [conversation(user("q"), call(numbers))])
    read = stored["chosen"][0]["tool_calls"][0]["function"]["arguments"]
    assert read == numbers and isinstance(read["whole"], float) and read["flag"] is True


def test_rows_of_text_are_read_back_as_text(volume) -> None:
    row = {"prompt": "[1]", "chosen": '{"a": "\u00e9\0"}', "rejected": "5"}
    assert check(volume, [row]) == [{**row, "tools": None}]
