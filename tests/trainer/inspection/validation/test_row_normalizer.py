"""Every kind of bad row gets its own code, its row number and a message with the user's columns."""

from __future__ import annotations

import pytest
from tests.kit.inspection.volume_fixture import codes, spec_of

from dpojob_trainer.inspection import accepted_rows

GOOD = {"prompt": "p", "chosen": "yes", "rejected": "no"}


def user(text: str) -> dict[str, str]:
    return {"role": "user", "content": text}


def assistant(text: str) -> dict[str, str]:
    return {"role": "assistant", "content": text}


CONVERSATION = {"prompt": [user("p")], "chosen": [assistant("yes")], "rejected": [assistant("no")]}
WHOLE = {"chosen": [user("p"), assistant("yes")], "rejected": [user("p"), assistant("no")]}

CASES = [
    ("NullValue", GOOD, {**GOOD, "chosen": None}, "'chosen' is null"),
    ("NullValue", GOOD, {**GOOD, "prompt": None}, "'prompt' is null"),
    ("WrongType", GOOD, {**GOOD, "chosen": 7}, "'chosen' is a number"),
    ("WrongType", GOOD, {**GOOD, "rejected": {"text": "a"}}, "'rejected' is an object"),
    ("WrongType", GOOD, {**GOOD, "chosen": "half \ud800"}, "half a surrogate"),
    ("EmptyText", GOOD, {**GOOD, "rejected": " \n\t"}, "'rejected' is empty"),
    ("EmptyPrompt", GOOD, {**GOOD, "prompt": ""}, "'prompt' is empty"),
    ("IdenticalPair", GOOD, {**GOOD, "rejected": "yes"}, "'chosen' equals 'rejected'"),
    ("AmbiguousFormat", GOOD, {**GOOD, "chosen": [assistant("yes")]}, "'chosen' is a list"),
    ("AmbiguousFormat", GOOD, CONVERSATION, "message lists where other rows hold text"),
    ("EmptyText", CONVERSATION, {**CONVERSATION, "chosen": []}, "'chosen' is an empty list"),
    ("EmptyText", CONVERSATION, {**CONVERSATION, "chosen": [assistant(" ")]}, "'chosen' is empty"),
    ("EmptyPrompt", CONVERSATION, {**CONVERSATION, "prompt": []}, "no user's turn"),
    ("EmptyPrompt", CONVERSATION, {**CONVERSATION, "prompt": [user("")]}, "no user's turn"),
    (
        "BadMessage",
        CONVERSATION,
        {**CONVERSATION, "chosen": [{"role": "assistant"}]},
        "no 'content'",
    ),
    ("BadMessage", CONVERSATION, {**CONVERSATION, "chosen": [{"content": "x"}]}, "no 'role'"),
    (
        "BadMessage",
        CONVERSATION,
        {**CONVERSATION, "chosen": [{"role": "gpt", "content": "x"}]},
        "role 'gpt'",
    ),
    (
        "BadMessage",
        CONVERSATION,
        {**CONVERSATION, "prompt": [user("p"), assistant("a")]},
        "prompt ends with",
    ),
    (
        "LastTurnNotAssistant",
        CONVERSATION,
        {**CONVERSATION, "chosen": [assistant("a"), user("b")]},
        "'user'",
    ),
    ("IdenticalPair", CONVERSATION, {**CONVERSATION, "rejected": [assistant("yes")]}, "equals"),
    ("IdenticalPair", WHOLE, {**WHOLE, "rejected": WHOLE["chosen"]}, "equals"),
    (
        "PromptMismatch",
        WHOLE,
        {**WHOLE, "rejected": [user("other"), assistant("no")]},
        "differ before the assistant",
    ),
    (
        "EmptyPrompt",
        WHOLE,
        {"chosen": [assistant("yes")], "rejected": [assistant("no")]},
        "answer only",
    ),
    (
        "PromptMismatch",
        {"chosen": "the sky is blue", "rejected": "the sky is green"},
        {"chosen": "blue", "rejected": "green"},
        "share no beginning",
    ),
]


@pytest.mark.parametrize(("code", "good", "bad", "phrase"), CASES)
def test_a_bad_row_is_found_and_named(volume, code, good, bad, phrase):
    report = volume.rows([good, good | {}, bad, good]).inspect()
    assert codes(report) == {code: 1}
    (problem,) = report.errors
    assert problem.examples == [2]
    assert phrase in problem.message
    assert not report.valid and report.reason == "DatasetInvalid"
    assert report.rows == 4 and report.valid_rows == 3


@pytest.mark.parametrize("good", [GOOD, CONVERSATION, WHOLE])
def test_good_rows_are_accepted(volume, good):
    report = volume.rows([good] * 3).inspect()
    assert report.valid, report.problems
    assert report.valid_rows == 3


def test_a_prompt_that_ends_with_the_chosen_answer_is_to_be_shortened(volume) -> None:
    """To move the turn into the answers would double it there."""
    row = {**CONVERSATION, "prompt": [user("p"), assistant("yes")]}
    (problem,) = volume.rows([row] * 2).inspect().errors
    assert "is the answer in 'chosen' once more: remove it" in problem.message
    assert "move that turn" not in problem.message


def call(arguments: object) -> dict[str, object]:
    function = {"name": "weather", "arguments": arguments}
    calls = [{"id": "1", "type": "function", "function": function}]
    return {"role": "assistant", "content": None, "tool_calls": calls}


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ('{"city": "Bonn", "unit": null}', {"city": "Bonn", "unit": None}),
        ({"city": "Bonn"}, {"city": "Bonn"}),
        ("not JSON", "not JSON"),
        ("[1]", "[1]"),
    ],
)
def test_arguments_of_a_call_as_json_text_are_an_object(volume, arguments, expected) -> None:
    """OpenAI's API has text; templates that write the arguments as JSON would quote it once more."""
    row = {**CONVERSATION, "chosen": [call(arguments)]}
    report = volume.rows([row] * 3).inspect({"eval": {"fraction": 0}})
    assert report.valid, report.problems
    first = next(iter(accepted_rows(spec_of({"eval": {"fraction": 0}}), report, volume.volumes)))
    assert first["chosen"][0]["tool_calls"][0]["function"]["arguments"] == expected


def test_half_a_surrogate_pair_in_arguments_is_refused(volume) -> None:
    bad = {**CONVERSATION, "chosen": [call('{"city": "\\ud800"}')]}
    assert codes(volume.rows([CONVERSATION, bad]).inspect()) == {"BadMessage": 1}
